"""Small values by key, and silences."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from bot.core.access import Person
from bot.core.incidents.routing import Silence
from bot.store import silences, state
from bot.store.audit import record
from bot.store.database import Store
from bot.store.tables import audit
from tests.given import NOW
from tests.store.samples import SOON


class TestMemory:
    def test_a_value_is_kept_and_replaced(self, store: Store) -> None:
        with store.write() as t:
            assert state.recall(t, "k") == {}
            state.keep(t, "k", {"a": 1})
            state.keep(t, "k", {"b": [1, {"c": None}]})
            assert state.recall(t, "k") == {"b": [1, {"c": None}]}

    def test_a_silence_holds_until_its_end_or_until_it_is_ended(self, store: Store) -> None:
        with store.write() as t:
            late = silences.add_silence(t, Silence(0, "dag:b", "prod", SOON, "Ben", "x"), NOW)
            soon = silences.add_silence(t, Silence(0, "dag:a", "prod", NOW + timedelta(seconds=5), "Ana", "x"), NOW)
            assert silences.active_silences(t, NOW) == [soon, late]
            assert silences.active_silences(t, NOW + timedelta(seconds=5)) == [late]
            assert silences.end_silence(t, late.id, NOW)
            assert not silences.end_silence(t, late.id, NOW)
            assert not silences.end_silence(t, soon.id, SOON)
            assert silences.active_silences(t, NOW) == [soon]

    def test_the_audit_keeps_what_was_asked_and_what_came_of_it(self, store: Store) -> None:
        with store.write() as t:
            record(t, NOW, Person("U1", "Eve"), "clear", "x" * 5_000, allowed=False, outcome="no role")
            (line,) = t.execute(select(audit)).all()
        assert (line.at, line.who, line.who_id, line.verb, line.allowed, line.outcome) == (
            NOW, "Eve", "U1", "clear", False, "no role")  # fmt: skip
        assert len(line.argument) == 1_000
