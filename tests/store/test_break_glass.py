"""Who broke the glass, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

from bot.core.access import Glass, Person
from bot.core.roles import Role
from bot.store import break_glass
from bot.store.database import Store
from tests.given import ANA, BEN, NOW

LATER = NOW + timedelta(minutes=30)


def broken(store: Store, person: Person) -> Glass:
    with store.write() as t:
        return break_glass.break_glass(t, person, Role.admin, "the load stands still", NOW, LATER)


def test_it_holds_until_its_end_for_the_person_who_broke_it(store: Store) -> None:
    made = broken(store, ANA)
    assert (made.person, made.role, made.until, made.ended_at, made.told) == (ANA, Role.admin, LATER, None, "")
    with store.read() as t:
        assert [one.id for one in break_glass.broken(t, NOW, ANA.id)] == [made.id]
        assert break_glass.broken(t, NOW, BEN.id) == []
        assert [one.person.id for one in break_glass.broken(t, NOW)] == [ANA.id]
        assert break_glass.broken(t, LATER) == []


def test_it_is_ended_early_once_and_by_its_person_alone(store: Store) -> None:
    broken(store, ANA)
    with store.write() as t:
        assert not break_glass.end_glass(t, BEN.id, NOW)
        assert break_glass.end_glass(t, ANA.id, NOW)
        assert not break_glass.end_glass(t, ANA.id, NOW)
        assert break_glass.broken(t, NOW) == []


def test_the_channel_is_owed_both_its_begin_and_its_end(store: Store) -> None:
    made = broken(store, ANA)
    with store.write() as t:
        assert [one.told for one in break_glass.glass_untold(t)] == [""]
        break_glass.glass_told(t, made.id, "broken")
        assert [one.told for one in break_glass.glass_untold(t)] == ["broken"]
        break_glass.glass_told(t, made.id, "over")
        assert break_glass.glass_untold(t) == []
