"""An alert is green only when Airflow says of that very subject that it is well, or a person resolved it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.incidents.incident import LATER_RUN, Incident, State
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import NOW, Clock, failure, some_services, told

BEFORE, LONG_BEFORE = ((NOW - timedelta(seconds=ago)).isoformat() for ago in (1, 300))
EARLIER, LATER = "scheduled__2026-11-21T05:00:00+00:00", "scheduled__2026-11-22T05:00:00+00:00"
RUNS = [
    EARLIER, LATER, "scheduled__2026-11-23T05:00:00+00:00",
    "manual__2026-11-22T04:00:00+00:00", "manual__2026-11-22T04:01:00+00:00",
    "manual__c111", "manual__4f5d", "backfill__2026-10-01T00:00:00+00:00", "backfill__2026-10-02T00:00:00+00:00",
    "asset_triggered__2026-11-22T06:00:00+00:00", "windsock_backfill__2026-10-03", "Acme", "Bolt",
]  # fmt: skip


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(NOW + timedelta(days=1)))
    yield made
    made.store.close()


def all_of(services: Services) -> list[Incident]:
    with services.store.read() as t:
        return incidents.listed(t)


def lines(services: Services) -> list[tuple[str, str]]:
    with services.store.read() as t:
        return [(one.what, one.text) for one in incidents.timeline(t, 1)]


@pytest.mark.parametrize("failed", RUNS)
@pytest.mark.parametrize("succeeded", RUNS)
@pytest.mark.parametrize("family", ["task", "run"])
def test_no_other_run_heals_a_failed_one(services: Services, failed: str, succeeded: str, family: str) -> None:
    sick = failure(run_id=failed) if family == "task" else told("run_failed", run_id=failed)
    report(services, [sick])
    report(
        services,
        [
            told("run_succeeded", run_id=succeeded),
            told("task_succeeded", run_id=succeeded, task_id="other", try_number=2),
        ],
    )
    healed = family == "run" and succeeded == failed
    assert all_of(services)[0].state is (State.resolved if healed else State.open)


def test_a_later_scheduled_run_is_said_once_and_heals_nothing(services: Services) -> None:
    report(services, [failure(run_id=EARLIER)])
    for run_id in RUNS[1:3]:
        report(services, [told("run_succeeded", run_id=run_id)])
    said = [text for what, text in lines(services) if what == LATER_RUN]
    assert said == [f"A later run succeeded ({LATER}); {EARLIER} of sales is still failed"]
    assert all_of(services)[0].state is State.open
    report(services, [told("task_succeeded", run_id=EARLIER, try_number=2)])
    assert all_of(services)[0].state is State.resolved


@pytest.mark.parametrize("run_id", ["scheduled__2026-11-20T05:00:00+00:00", *RUNS[3:]])
def test_an_older_run_or_one_of_another_kind_is_not_even_said(services: Services, run_id: str) -> None:
    report(services, [failure(run_id=EARLIER), told("run_succeeded", run_id=run_id)])
    report(services, [failure(run_id="manual__a"), told("run_succeeded", run_id="manual__b")])
    assert LATER_RUN not in [what for what, _ in lines(services)]


@pytest.mark.parametrize(
    ("sick", "well"),
    [
        (failure(try_number=3), told("task_succeeded", try_number=2)),
        (told("run_failed"), told("run_succeeded", occurred_at=LONG_BEFORE)),
        (told("import_error", file="a.py"), told("import_fixed", file="a.py", occurred_at=BEFORE)),
        (told("check_failed", check="pools"), told("check_ok", check="pools", occurred_at=BEFORE)),
        (told("external", name="Down", state="firing"),
         told("external", name="Down", state="resolved", occurred_at=BEFORE)),
    ],
    ids=["task", "run", "file", "check", "external"],
)  # fmt: skip
def test_a_report_of_well_being_that_is_older_than_the_failure_ends_nothing(
    services: Services, sick: Signal, well: Signal
) -> None:
    report(services, [sick])
    report(services, [well])
    assert all_of(services)[0].state is State.open


# What happens to one task instance in one run, as Airflow counts it: it fails, is cleared, fails again, succeeds, is marked.
Event = tuple[str, str, int, bool]
EVENTS = st.lists(
    st.tuples(st.sampled_from(["sales", "fx"]), st.sampled_from(RUNS), st.integers(-1, 1), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60)
@given(events=EVENTS, batches=st.integers(1, 4), grouping=st.sampled_from(["one cause", "causes"]))
def test_over_any_history_green_is_exactly_what_airflow_says(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], batches: int, grouping: str
) -> None:
    services = some_services(f"sqlite:///{tmp_path_factory.mktemp('green') / 's.db'}", Clock(NOW + timedelta(days=1)))
    airflow: dict[tuple[str, str, int], tuple[int, bool]] = {}  # a task instance → its try, and whether that one failed
    signals: list[Signal] = []
    for number, (dag, run_id, index, fails) in enumerate(events):
        key, at = (dag, run_id, index), (NOW + timedelta(minutes=2 * number)).isoformat()
        tried = airflow.get(key, (0, False))[0] + 1
        airflow[key] = tried, fails
        named = {"dag_id": dag, "run_id": run_id, "map_index": index, "try_number": tried, "occurred_at": at}
        cause = "row is bad" if grouping == "one cause" else f"{dag} is {'odd' if index else 'bad'}"
        signals.append(failure(cause, **named) if fails else told("task_succeeded", **named))
        whole = [failed for (one, run, _), (_, failed) in airflow.items() if (one, run) == (dag, run_id)]
        if not any(whole):
            signals.append(told("run_succeeded", dag_id=dag, run_id=run_id, occurred_at=at))
    size = len(signals) // batches + 1
    try:
        for start in range(0, len(signals), size):
            report(services, signals[start : start + size])
        with services.store.read() as t:
            for one in incidents.listed(t, limit=1_000):
                about = incidents.subjects_of(t, one.id)
                # what failed anew belongs to the newest incident that has it
                sick = {s.ref for s in about if s.well_at is None}
                failed = {s.ref for s in about if airflow[s.dag_id, s.run_id, s.map_index] == (s.try_number, True)}
                assert failed <= sick
                assert (one.state is State.resolved) == (not sick)
                if one.state is State.resolved:
                    assert not failed
            every = {
                s.ref for one in incidents.listed(t, limit=1_000) for s in incidents.subjects_of(t, one.id, sick=True)
            }
        assert every == {ref for ref in every if airflow[ref.dag_id, ref.run_id, ref.map_index][1]}
    finally:
        services.store.close()
