"""Which token may do what."""

from __future__ import annotations

import secrets

import pytest

from bot.core.bearer import Tokens, is_bearer, split

EVERY, NEXT, PROD, READ = (secrets.token_urlsafe(24) for _ in range(4))


def header(token: str) -> str:
    return f"Bearer {token}"


def test_without_any_token_everyone_may_send_and_read() -> None:
    assert (Tokens().sends_for(""), Tokens().reads("")) == (None, True)


def test_each_token_sends_for_what_it_is_for() -> None:
    tokens = Tokens(every=(EVERY, NEXT), one={"prod": (PROD,), "dev": (PROD,), "test": ("another",)}, read=(READ,))
    assert [tokens.sends_for(header(one)) for one in (EVERY, NEXT)] == [None, None], "both are valid during a rotation"
    assert tokens.sends_for(header(PROD)) == {"prod", "dev"}
    assert tokens.sends_for(header(READ)) == frozenset()
    assert tokens.sends_for("") == frozenset()


def test_only_the_reading_token_reads_where_there_is_one() -> None:
    assert [Tokens((EVERY,), {}, (READ,)).reads(header(one)) for one in (READ, EVERY, PROD)] == [True, False, False]
    assert [Tokens((EVERY,), {}, ()).reads(header(one)) for one in (EVERY, PROD)] == [True, False]


@pytest.mark.parametrize(
    "given", ["", "{0}", "Basic {0}", "Bearer{0}", "Bearer {0}x", "Bearer {1}", "Bearer ", "Bearer \udcff"]
)
def test_anything_but_the_whole_token_is_refused(given: str) -> None:
    assert not is_bearer(given.format(EVERY, EVERY[:-1]), (EVERY,))


@pytest.mark.parametrize("given", ["bearer {0}", "BEARER  {0} "])
def test_the_scheme_is_read_in_any_case(given: str) -> None:
    assert is_bearer(given.format(EVERY), (EVERY,))


def test_a_setting_may_hold_several() -> None:
    assert split(f" {EVERY} ,, {NEXT},") == (EVERY, NEXT)
