"""tidy: what is old goes, in small parts; what is needed stays however old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from bot.responder import upkeep
from bot.responder.services import Desk
from bot.responder.signals import observer
from bot.responder.signals.observe import observe, report
from bot.store import housekeeping, incidents
from bot.store.signals import signals
from bot.store.signals.signal_rows import letter
from bot.store.tables import audit, entries, identities, subjects
from bot.store.tables import signals as rows
from tests.given import Clock, a_desk, failure, told

KEEP = timedelta(days=90)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    sqlite = f"sqlite:///{tmp_path / 'store.db'}"
    made = a_desk(sqlite if request.param == "sqlite" else request.getfixturevalue("database"), Clock())
    yield made
    made.store.close()


def clock(desk: Desk) -> Clock:
    assert isinstance(desk.clock, Clock)
    return desk.clock


def count(desk: Desk, table: Table) -> int:
    with desk.store.read() as t:
        return t.scalar(select(func.count()).select_from(table)) or 0


def test_what_is_long_over_goes_and_the_incident_and_its_timeline_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "ROWS", 7)  # several parts
    report(desk, [failure(map_index=n) for n in range(20)])
    report(desk, [told("task_succeeded", map_index=n, try_number=2) for n in range(20)])
    clock(desk).pass_by(days=91)
    report(desk, [failure("another", dag_id="bank")])
    lines = count(desk, entries)
    assert upkeep.tidy(desk, KEEP) == 40 + 40 + 20
    assert (count(desk, rows), count(desk, identities), count(desk, subjects)) == (1, 1, 1)
    with desk.store.read() as t:
        assert len(incidents.listed(t)) == 2
    assert (count(desk, entries), count(desk, audit)) == (lines, 0)
    assert upkeep.tidy(desk, KEEP) == 0


def test_what_is_young_still_sick_or_not_observed_stays(desk: Desk) -> None:
    report(desk, [failure()])
    with desk.store.taking() as t:
        signals.take(t, [letter(failure(task_id=task_id)) for task_id in ("waits", "too")], clock(desk)())
    clock(desk).pass_by(days=89)
    assert upkeep.tidy(desk, KEEP) == 0
    clock(desk).pass_by(days=2)
    assert upkeep.tidy(desk, KEEP) == 4  # the signal that was observed and three identities
    with desk.store.read() as t:
        assert [one.body["task_id"] for one in signals.after(t, 0, 10)] == ["waits", "too"]
    assert count(desk, subjects) == 1
    assert observe(desk, 10)
    assert count(desk, subjects) == 3


def test_after_everything_went_the_next_signal_is_observed_all_the_same(desk: Desk) -> None:
    """SQLite counts the next id from the highest that is there: were the last one deleted, ids would start again below the
    mark up to which all is observed."""
    report(desk, [failure(task_id=f"t{n}") for n in range(5)])
    clock(desk).pass_by(days=91)
    upkeep.tidy(desk, KEEP)
    assert len(report(desk, [failure("the next")])) == 1
    assert observer.wait_for_others(desk.store, 0.1) == 0
    with desk.store.read() as t:
        assert {incidents.counts(t, one.id, clock(desk)()).failures for one in incidents.listed(t)} == {5, 1}


def test_a_round_leaves_off_when_its_time_is_over(desk: Desk) -> None:
    report(desk, [failure()])
    clock(desk).pass_by(days=91)
    assert upkeep.tidy(desk, KEEP, seconds=0) == 0
