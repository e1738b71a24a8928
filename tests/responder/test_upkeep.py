"""tidy: what is old goes, in small parts; what is needed stays however old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from bot.responder import upkeep
from bot.responder.services import Services
from bot.responder.signals import observer
from bot.responder.signals.observe import observe, report
from bot.store import housekeeping, incidents
from bot.store.signals import signals
from bot.store.signals.signal_rows import row_of
from bot.store.tables import audit, entries, identities, subjects
from bot.store.tables import signals as rows
from tests.given import Clock, failure, some_services, told

KEEP = timedelta(days=90)


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    sqlite = f"sqlite:///{tmp_path / 'store.db'}"
    made = some_services(sqlite if request.param == "sqlite" else request.getfixturevalue("database"), Clock())
    yield made
    made.store.close()


def clock(services: Services) -> Clock:
    assert isinstance(services.clock, Clock)
    return services.clock


def count(services: Services, table: Table) -> int:
    with services.store.read() as t:
        return t.scalar(select(func.count()).select_from(table)) or 0


def test_what_is_long_over_goes_and_the_incident_and_its_timeline_stay(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "ROWS", 7)  # several parts
    report(services, [failure(map_index=n) for n in range(20)])
    report(services, [told("task_succeeded", map_index=n, try_number=2) for n in range(20)])
    clock(services).pass_by(days=91)
    report(services, [failure("another", dag_id="bank")])
    lines = count(services, entries)
    assert upkeep.tidy(services, KEEP) == 40 + 40 + 20
    assert (count(services, rows), count(services, identities), count(services, subjects)) == (1, 1, 1)
    with services.store.read() as t:
        assert len(incidents.listed(t)) == 2
    assert (count(services, entries), count(services, audit)) == (lines, 0)
    assert upkeep.tidy(services, KEEP) == 0


def test_what_is_young_still_sick_or_not_observed_stays(services: Services) -> None:
    report(services, [failure()])
    with services.store.taking() as t:
        signals.take(t, [row_of(failure(task_id=task_id)) for task_id in ("waits", "too")], clock(services)())
    clock(services).pass_by(days=89)
    assert upkeep.tidy(services, KEEP) == 0
    clock(services).pass_by(days=2)
    assert upkeep.tidy(services, KEEP) == 4  # the signal that was observed and three identities
    with services.store.read() as t:
        assert [one.body["task_id"] for one in signals.after(t, 0, 10)] == ["waits", "too"]
    assert count(services, subjects) == 1
    assert observe(services, 10)
    assert count(services, subjects) == 3


def test_after_everything_went_the_next_signal_is_observed_all_the_same(services: Services) -> None:
    """SQLite counts the next id from the highest that is there: were the last one deleted, ids would start again below the
    mark up to which all is observed."""
    report(services, [failure(task_id=f"t{n}") for n in range(5)])
    clock(services).pass_by(days=91)
    upkeep.tidy(services, KEEP)
    assert len(report(services, [failure("the next")])) == 1
    assert observer.wait_for_others(services.store, 0.1) == 0
    with services.store.read() as t:
        assert {incidents.counts(t, one.id, clock(services)()).failures for one in incidents.listed(t)} == {5, 1}


def test_a_round_leaves_off_when_its_time_is_over(services: Services) -> None:
    report(services, [failure()])
    clock(services).pass_by(days=91)
    assert upkeep.tidy(services, KEEP, seconds=0) == 0
