"""Foreign text is harmless in every place where it is shown, secrets are masked, and times and figures read well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.access import Person
from bot.core.redaction import redact, secrets_in
from bot.slack.text import words
from tests.slack import strict
from tests.slack.samples import FAILED_AT, RUN, unix

SECRETS = [
    ("postgresql://etl:hunter2@10.0.7.21:5432/sales", "postgresql://etl:•••@10.0.7.21:5432/sales"),
    ("postgresql://etl:hun/t@er2@10.0.7.21:5432/sales", "postgresql://etl:•••@10.0.7.21:5432/sales"),
    ("redis://:hunter2@cache:6379/0", "redis://:•••@cache:6379/0"),
    ("could not connect to postgresql://etl:hunter2", "could not connect to postgresql://etl:•••"),
    ("https://ghp_0123456789abcdef0123@git.example/x", "https://•••@git.example/x"),
    ("host=db user=etl password=hunter2 dbname=x", "host=db user=etl password=••• dbname=x"),
    ("{'password': 'hunter2 and more', 'x': 1}", "{'password': '•••', 'x': 1}"),
    ('{"api_key": "hunter2"}', '{"api_key": "•••"}'),
    ('{\\"client_secret\\": \\"hunter2\\"}', '{\\"client_secret\\": \\"•••\\"}'),
    ("Driver=x;UID=sa;PWD=hunter2;", "Driver=x;UID=sa;PWD=•••;"),
    ("Authorization: Bearer hunter2.hunter3", "Authorization: •••"),
    ("authorization: Basic aHVudGVyMg==", "authorization: •••"),
    ("sent Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.hunter2", "sent Bearer •••"),
    ("key AKIAIOSFODNN7EXAMPLE was refused", "key ••• was refused"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYhunter2", "aws_secret_access_key = •••"),
    ("curl --password hunter2 https://x.example", "curl --password ••• https://x.example"),
    ("GET https://s3.example/x?X-Amz-Signature=hunter2&b=1", "GET https://s3.example/x?X-Amz-Signature=•••&b=1"),
    ("SLACK_TOKEN=xoxb-1234567890-hunter2", "SLACK_TOKEN=•••"),
    ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----", "•••"),
]
PLAIN = ["password authentication failed for user etl", "http://host:8080/x?y=1", "KeyError: 'token'", RUN,
         "basic authentication failed", "2026-11-22 05:12:00 INFO  done", "sales_daily.load[6]"]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_a_secret_is_masked_and_what_stands_around_it_stays(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert "hunter" not in shown
    assert redact(shown) == shown


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("show", [words.foreign, words.plain, words.code, words.preformatted, words.quoted])
def test_every_way_of_showing_foreign_text_masks_secrets_before_it_cuts(show: Callable[[str], str]) -> None:
    text = "x" * 40 + " postgresql://etl:hunter2@db/sales"
    assert "hunter" not in show(text)
    assert all("hunt" not in words.foreign(text, limit) for limit in range(45, 75))


def test_masks_that_the_text_had_already_are_not_counted() -> None:
    before = "••• password=x token=y"
    assert secrets_in(before, redact(before)) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@\u2060U1&gt;"),
        ("<https://evil.example|click>", "&lt;https:\u2060//evil.example|click&gt;"),
        (":fire: :+1: :100:", ":\u2060fire: :\u2060+1: :\u2060100:"),
        (RUN, RUN),
        ("manual__2026-11-22T04:10:33.120000+00:00", "manual__2026-11-22T04:10:33.120000+00:00"),
        ("a `b` *c* ~d~", "a ˋbˋ ∗c∗ ∼d∼"),
        ("a\x00b\x1b[31mc\u202ed\ud800", "ab[31mcd\ufffd"),
        ("one\ntwo\t three", "one two three"),
    ],
)
def test_nothing_in_foreign_text_is_alive_in_mrkdwn(text: str, shown: str) -> None:
    assert words.foreign(text) == shown


def test_our_own_bold_and_code_survive_where_a_sentence_of_ours_quotes_somebody() -> None:
    assert (
        words.foreign("`clear` needs *responder* <!here>", formatted=True) == "`clear` needs *responder* &lt;!here&gt;"
    )


def test_a_code_span_that_is_taken_away_leaves_nothing_alive() -> None:
    assert words.bare(f"*a* {words.code('https://evil.example :fire:')}") == "a https:\u2060//evil.example :\u2060fire:"
    assert words.bare(f"*at* {words.at(FAILED_AT)}") == f"at {words.at(FAILED_AT)}"


def test_a_backtick_does_not_end_a_code_span() -> None:
    assert words.code("a`<!here>`b") == "`aˋ&lt;!here&gt;ˋb`"


@given(st.text(max_size=300))
def test_any_text_is_harmless(text: str) -> None:
    shown = words.foreign(text)
    assert strict.alive({"text": shown, "blocks": []}) == []
    assert not strict.CONTROL.search(shown + words.plain(text) + words.preformatted(text))


@given(st.text(max_size=60), st.integers(1, 40))
def test_what_is_cut_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(words.cut(text, limit)) <= limit
    assert len(words.cut_middle(text, limit)) <= limit


def test_cutting_never_leaves_half_a_sign() -> None:
    assert words.cut("ab👍🏽cd", 4) == "ab…"  # not a thumb without its skin
    assert words.cut("abe\u0301fgh", 4) == "ab…"  # not an e without its accent
    assert words.cut("ab👩\u200d🔬cd", 5) == "ab…"
    assert words.cut_middle("sales_daily_with_a_long_name.load", 21) == "sales_dail…_name.load"


def test_a_link_is_only_made_of_a_web_address_and_cannot_be_broken_out_of() -> None:
    assert words.link("https://a.example/x?y=1&z=2", RUN) == f"<https://a.example/x?y=1&amp;z=2|{RUN}>"
    assert words.link("javascript:alert(1)", "a") == "a"
    assert words.link("https://a.example/x>y|<!channel>", "b|c<!here>") == (
        "<https://a.example/x%3Ey%7C%3C!channel%3E|b¦c&lt;!here&gt;>"
    )


def test_only_what_a_route_may_mention_becomes_a_mention() -> None:
    assert words.mention("S0DATAENG") == "<!subteam^S0DATAENG>"
    assert words.mention("<!subteam^S0DATAENG|@data-eng>") == "<!subteam^S0DATAENG>"
    assert words.mention("@here") == "<!here>"
    assert words.mention("<!channel> data-oncall") == "&lt;!channel&gt; data-oncall"
    assert words.who(Person("U0ANA", "Ana")) == "<@U0ANA>"
    assert words.who(Person("x> <!here", "<b>")) == "&lt;b&gt;"


def test_a_time_is_shown_in_the_readers_zone_and_says_utc_where_it_cannot() -> None:
    stamp = unix(FAILED_AT)
    assert words.at(FAILED_AT) == f"<!date^{stamp}^{{time}}|05:12 UTC>"
    yesterday = words.at(FAILED_AT, FAILED_AT + timedelta(hours=20))
    assert yesterday == f"<!date^{stamp}^{{date_short_pretty}} {{time}}|yesterday 05:12 UTC>"
    assert words.at(FAILED_AT, FAILED_AT + timedelta(days=9)).endswith("|22 Nov 2026 05:12 UTC>")
    assert words.clock(FAILED_AT) == "05:12 UTC"


def test_figures_are_plain_digits_and_lists_end_with_a_number() -> None:
    assert words.count(10000, "failure") == "10000 failures"
    assert words.count(1, "entry", "entries") == "1 entry"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed("abcdefgh", most=4) == "a, b, c and 5 more"
    assert [words.nth(n) for n in (1, 2, 3, 11, 22)] == ["1st", "2nd", "3rd", "11th", "22nd"]
