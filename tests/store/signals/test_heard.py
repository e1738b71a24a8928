"""Events that are delivered more than once, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from bot.store.database import Store
from bot.store.signals.heard import REMEMBERED, first_time
from tests.given import NOW, at_once


def test_an_event_is_new_once_by_all_of_its_parts(store: Store) -> None:
    with store.write() as t:
        heard = [
            first_time(t, NOW, *parts)
            for parts in (("slack", "1"), ("slack", "1"), ("slack", "2"), ("pd", "1"), ("slack1",))
        ]
    assert heard == [True, False, True, True, True]


def test_of_two_deliveries_at_the_same_moment_one_is_new(store: Store) -> None:
    def deliver() -> bool:
        with store.write(alone=True) as t:
            return first_time(t, NOW, "slack", "trigger")

    assert sorted(at_once(deliver, deliver, deliver)) == [False, False, True]


def test_an_event_of_a_transaction_that_failed_is_still_new(store: Store) -> None:
    class Fails(Exception):
        pass

    try:
        with store.write() as t:
            assert first_time(t, NOW, "slack", "1")
            raise Fails
    except Fails:
        pass
    with store.write() as t:
        assert first_time(t, NOW, "slack", "1")


def test_it_is_remembered_for_a_day(store: Store) -> None:
    with store.write() as t:
        assert first_time(t, NOW, "slack", "1")
        assert not first_time(t, NOW + REMEMBERED, "slack", "1")
        assert first_time(t, NOW + REMEMBERED + timedelta(seconds=1), "slack", "1")


def test_whatever_a_sender_calls_an_event_can_be_remembered(store: Store) -> None:
    with store.write() as t:
        assert all(first_time(t, NOW, "pd", odd) for odd in ("", "\0", "\ud800", "x" * 100_000, "'; drop table heard"))
