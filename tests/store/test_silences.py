"""Silences, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

from bot.core.incidents.routing import Severity, Silence
from bot.core.roles import Role
from bot.store import silences
from bot.store.database import Store
from tests.given import NOW

HOUR = timedelta(hours=1)
MADE = Silence(0, "dag:sales", "prod", NOW + HOUR, "Ana", "a vendor outage", Severity.error, Role.responder)


def test_a_silence_is_kept_as_it_was_made_until_its_end(store: Store) -> None:
    with store.write() as t:
        made = silences.add_silence(t, MADE, NOW)
    assert made == replace(MADE, id=made.id)
    with store.read() as t:
        assert silences.active_silences(t, NOW) == [made]
        assert silences.active_silences(t, NOW + HOUR - timedelta(microseconds=1)) == [made]
        assert silences.active_silences(t, NOW + HOUR) == []


def test_the_one_that_ends_first_comes_first(store: Store) -> None:
    with store.write() as t:
        ids = [silences.add_silence(t, replace(MADE, until=NOW + n * HOUR), NOW).id for n in (3, 1, 2)]
        assert [one.id for one in silences.active_silences(t, NOW)] == [ids[1], ids[2], ids[0]]


def test_a_silence_is_ended_once(store: Store) -> None:
    with store.write() as t:
        made = silences.add_silence(t, MADE, NOW)
        assert silences.end_silence(t, made.id, NOW)
        assert not silences.end_silence(t, made.id, NOW)
        assert silences.active_silences(t, NOW) == []
        over = silences.add_silence(t, replace(MADE, until=NOW), NOW)
        assert not silences.end_silence(t, over.id, NOW)
        assert [silences.end_silence(t, number, NOW) for number in (0, 999, 2**63, 10**30)] == [False] * 4


def test_a_secret_in_its_reason_is_not_kept(store: Store) -> None:
    secret = secrets.token_urlsafe(18)
    with store.write() as t:
        silences.add_silence(t, replace(MADE, reason=f"password={secret}"), NOW)
        assert secret not in str(silences.active_silences(t, NOW))
