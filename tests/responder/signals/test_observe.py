"""report: signals in, incidents out; all of a batch or none of it, in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select

from bot.core.errors import Temporary
from bot.core.incidents.alert import Kind
from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import Policy, Route, Severity, Silence, matcher
from bot.core.incidents.runbook import Runbook
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents, silences
from bot.store.signals import signals
from bot.store.tables import signals as rows
from tests.given import PAGED, RUN, Clock, at_once, failure, some_services, told


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 'store.db'}", clock, pagers=PAGED)
    yield made
    made.store.close()


def all_of(services: Services) -> list[Incident]:
    """Oldest first."""
    with services.store.read() as t:
        return incidents.listed(t)[::-1]


def only(services: Services) -> Incident:
    (found,) = all_of(services)
    return found


def failures(services: Services, incident: Incident) -> int:
    with services.store.read() as t:
        return incidents.counts(t, incident.id, services.clock()).failures


def what_happened(services: Services, incident: Incident) -> list[str]:
    with services.store.read() as t:
        return [entry.what for entry in incidents.timeline(t, incident.id)]


@contextmanager
def statements(services: Services) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    engine = services.store._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


class TestStorm:
    def test_thousands_of_failures_fold_into_their_causes_with_exact_counts(self, services: Services) -> None:
        causes = ["Connection refused by 10.0.0.{n}", "row {n} is bad", "no file /data/{n}/in.csv"]
        storm = [
            failure(causes[n % 3].format(n=n % 250), dag_id=f"dag_{n % 40}", task_id=f"t{n}") for n in range(3_000)
        ]
        assert len(report(services, storm)) == 3_000
        found = all_of(services)
        assert [failures(services, incident) for incident in found] == [1_000, 1_000, 1_000]
        with services.store.read() as t:
            counted = incidents.counts(t, found[0].id, services.clock())
            assert t.scalar(select(func.count()).select_from(rows)) == 3_000
        assert counted.things == counted.sick == 1_000
        assert len(counted.dags) == 40
        assert sum(number for _, number in counted.dags) == 1_000

    @pytest.mark.parametrize("known", [False, True], ids=["new causes", "known causes"])
    def test_a_batch_costs_as_few_statements_however_large_it_is(self, services: Services, known: bool) -> None:
        def cost(size: int, prefix: str) -> int:
            causes = (
                ["refused", "bad", "absent"] if known else [f"{prefix} refused", f"{prefix} bad", f"{prefix} absent"]
            )
            batch = [failure(causes[n % 3], task_id=f"{prefix}{n}") for n in range(size)]
            with statements(services) as said:
                report(services, batch)
            return len(said)

        if known:
            report(services, [failure(cause, task_id="first") for cause in ("refused", "bad", "absent")])
        small, large = cost(10, "few"), cost(2_000, "many")
        assert large <= small + 4, f"{small} statements for 10 signals, {large} for 2,000"
        assert small < 40

    def test_a_storm_that_is_well_again_costs_as_few(self, services: Services) -> None:
        for size in (10, 2_000):
            report(services, [failure(task_id=f"{size}-{n}") for n in range(size)])
        with statements(services) as few:
            report(services, [told("task_succeeded", task_id=f"10-{n}", try_number=2) for n in range(10)])
        with statements(services) as many:
            report(services, [told("task_succeeded", task_id=f"2000-{n}", try_number=2) for n in range(2_000)])
        assert only(services).state is State.resolved
        assert len(many) <= len(few) + 6, f"{len(few)} statements for 10 signals, {len(many)} for 2,000"


class TestOnce:
    def test_a_failure_that_was_told_three_times_is_one(self, services: Services) -> None:
        roads = [failure(source=source) for source in ("listener", "callback", "sweep")]
        assert len(report(services, roads[:2])) == 1
        assert report(services, roads[2:]) == []
        assert failures(services, only(services)) == 1
        assert only(services).version == 1

    def test_a_later_try_counts_as_one_more_failure_of_the_same_thing(self, services: Services) -> None:
        report(services, [failure(try_number=1)])
        report(services, [failure(try_number=2)])
        with services.store.read() as t:
            counted = incidents.counts(t, only(services).id, services.clock())
        assert (counted.failures, counted.things, counted.sick) == (2, 1, 1)
        assert only(services).version == 2

    def test_a_batch_with_nothing_new_makes_nothing_owed(self, services: Services) -> None:
        report(services, [failure()])
        services.alerts_owed.clear()
        report(services, [failure()])
        assert not services.alerts_owed.is_set()

    def test_a_retry_is_kept_and_is_no_incident(self, services: Services) -> None:
        assert len(report(services, [told("task_retrying")])) == 1
        assert all_of(services) == []


class TestRuns:
    def test_a_run_that_is_told_after_its_task_is_no_second_incident(self, services: Services) -> None:
        report(services, [failure()])
        report(services, [told("run_failed")])
        assert only(services).exemplar.kind == "task_failed"

    def test_a_run_that_is_told_before_its_task_becomes_the_tasks_incident(self, services: Services) -> None:
        report(services, [told("run_failed")])
        report(services, [failure()])
        assert (only(services).state, only(services).exemplar.kind) == (State.open, "task_failed")
        assert what_happened(services, only(services)) == ["opened", "explained"]
        report(services, [told("task_succeeded", try_number=2)])
        assert only(services).state is State.resolved

    def test_a_run_whose_task_fails_of_a_cause_that_is_open_already_is_explained_by_that(
        self, services: Services
    ) -> None:
        report(services, [failure(dag_id="other")])
        report(services, [told("run_failed")])
        report(services, [failure()])
        cause, run = all_of(services)
        assert (cause.state, run.state) == (State.open, State.resolved)
        assert run.resolution == f"explained by {cause.name}"

    @pytest.mark.parametrize("order", [1, -1], ids=["task first", "run first"])
    def test_told_together_they_are_one(self, services: Services, order: int) -> None:
        report(services, [failure(), told("run_failed")][::order])
        assert only(services).exemplar.kind == "task_failed"

    def test_told_together_with_a_success_between_them_they_are_still_one_trouble(self, services: Services) -> None:
        report(services, [told("run_failed"), told("task_succeeded", dag_id="other"), failure()])
        assert (only(services).state, only(services).exemplar.kind) == (State.open, "task_failed")

    def test_a_run_whose_task_nobody_reported_stands_for_itself(self, services: Services) -> None:
        report(services, [told("run_failed"), failure(run_id="another run")])
        assert [incident.exemplar.kind for incident in all_of(services)] == ["run_failed", "task_failed"]
        assert {incident.state for incident in all_of(services)} == {State.open}


class TestWellAgain:
    def test_a_success_on_a_later_try_resolves(self, services: Services, clock: Clock) -> None:
        report(services, [failure()])
        later = clock.pass_by(minutes=5).isoformat()
        report(services, [told("task_succeeded", try_number=2, occurred_at=later)])
        assert only(services).state is State.resolved
        assert only(services).resolved_at == clock()
        assert what_happened(services, only(services)) == ["opened", "resolved"]

    def test_it_stays_open_while_anything_of_it_is_sick(self, services: Services) -> None:
        report(services, [failure(map_index=n) for n in range(3)])
        version = only(services).version
        report(services, [told("task_succeeded", map_index=0), told("task_succeeded", map_index=1)])
        assert only(services).state is State.open
        assert only(services).version > version
        report(services, [told("task_succeeded", map_index=2)])
        assert only(services).state is State.resolved

    def test_sick_and_well_in_one_batch_are_taken_in_their_order(self, services: Services) -> None:
        report(services, [failure(), told("task_succeeded", try_number=2)])
        assert only(services).state is State.resolved
        report(services, [told("task_succeeded", task_id="x"), failure(task_id="x", try_number=2)])
        assert only(services).state is State.open

    @pytest.mark.parametrize(
        ("sick", "well"),
        [("run_failed", "run_succeeded"), ("import_error", "import_fixed"), ("check_failed", "check_ok")],
    )
    def test_what_flaps_is_one_incident_that_says_how_often(self, services: Services, sick: str, well: str) -> None:
        for _ in range(3):
            report(services, [told(sick)])
            report(services, [told(well)])
        incident = only(services)
        assert (incident.state, incident.times) == (State.resolved, 3)

    def test_a_success_of_what_never_failed_changes_nothing(self, services: Services) -> None:
        report(services, [failure()])
        report(services, [told("task_succeeded", task_id="other")])
        assert only(services).version == 1


class TestReopening:
    @pytest.mark.parametrize(
        ("hours", "incidents_then", "times"), [(3.9, 1, 2), (4.1, 2, 1)], ids=["within the window", "after the window"]
    )
    def test_trouble_that_comes_back(
        self, services: Services, clock: Clock, hours: float, incidents_then: int, times: int
    ) -> None:
        report(services, [failure()])
        report(services, [told("task_succeeded", try_number=2)])
        again = clock.pass_by(hours=hours).isoformat()
        report(services, [failure(run_id="the next run", occurred_at=again)])
        assert len(all_of(services)) == incidents_then
        last = all_of(services)[-1]
        assert (last.state, last.times) == (State.open, times)

    def test_the_reopened_one_counts_what_is_sick_now(self, services: Services, clock: Clock) -> None:
        report(services, [failure()])
        report(services, [told("task_succeeded", try_number=2)])
        report(services, [failure(run_id="next")])
        with services.store.read() as t:
            counted = incidents.counts(t, only(services).id, clock())
        assert (counted.failures, counted.sick) == (2, 1)
        assert what_happened(services, only(services)) == ["opened", "resolved", "reopened"]


class TestPolicy:
    def pages(self, services: Services) -> list[Any]:
        with services.store.read() as t:
            return [
                alert
                for i in all_of(services)
                for alert in alerts.of_incident(t, i.id)
                if alert.place.kind is Kind.pager
            ]

    def test_a_critical_failure_is_rung_at_once(self, services: Services, clock: Clock) -> None:
        report(services, [failure(tags=["critical"])])
        assert [page.due_at for page in self.pages(services)] == [clock()]

    def test_nobody_is_rung_where_nobody_can_be(self, services: Services) -> None:
        services.pagers = {}
        report(services, [failure(tags=["critical"])])
        assert self.pages(services) == []

    def test_an_incident_that_turns_critical_is_rung_from_then_on(self, services: Services, clock: Clock) -> None:
        report(services, [failure()])
        assert self.pages(services) == []
        clock.pass_by(minutes=5)
        report(services, [failure(dag_id="bank", tags=["critical"])])
        assert only(services).severity is Severity.critical
        assert [page.due_at for page in self.pages(services)] == [clock()]

    def test_a_silence_covers_what_it_matches_and_keeps_it_visible(self, services: Services, clock: Clock) -> None:
        silence = Silence(0, "dag:sales", "prod", clock() + timedelta(hours=1), "Ana", "known")
        with services.store.write() as t:
            silence = silences.add_silence(t, silence, clock())
        report(services, [failure(tags=["critical"]), failure("another cause of another DAG", dag_id="bank")])
        quiet, loud = all_of(services)
        assert (quiet.silence, loud.silence) == (silence, None)
        assert self.pages(services) == []
        with services.store.read() as t:
            assert [alert.place.kind for alert in alerts.of_incident(t, quiet.id)] == [Kind.slack]

    def test_the_route_says_the_channel_and_the_runbook_is_named(self, services: Services) -> None:
        services.policy = Policy((Route("fin", matcher({"dag": "fin_*"}, "x"), channel="#finance"),))
        services.runbooks = (Runbook("bad-rows", "Bad rows", "", {"exception": ("row",)}),)
        report(services, [failure(dag_id="fin_close")])
        assert (only(services).channel, only(services).route, only(services).runbook) == ("#finance", "fin", "bad-rows")

    def test_an_unknown_deployment_is_taken_too(self, services: Services) -> None:
        report(services, [failure(deployment="nobody told me")])
        assert only(services).deployment == "nobody told me"


class TestWhole:
    def test_a_batch_that_fails_half_way_takes_nothing(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any) -> None:
            raise Temporary("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(incidents, "save", full)
            with pytest.raises(Temporary):
                report(services, [failure()])
            assert all_of(services) == []
            with services.store.read() as t:
                assert (signals.observed(t), signals.newest(t)) == (0, 1)
        assert report(services, [failure()]) == []  # it was told and is kept; now it is observed, once
        assert failures(services, only(services)) == 1

    def test_news_wakes_whoever_shows_it(self, services: Services) -> None:
        report(services, [failure()])
        assert services.alerts_owed.is_set()
        assert services.pages_owed.is_set()
        assert services.news.is_set()


def test_two_replicas_that_are_told_the_same_storm_at_once_count_it_once(database: str) -> None:
    """On PostgreSQL, each in another order: no deadlock, no second incident, no failure counted twice."""
    clock = Clock()
    all_services = [some_services(database, clock), some_services(database, clock)]
    storm = [failure(f"cause {'abc'[n % 3] * 4}", task_id=f"t{n}") for n in range(1_500)]
    batches = [storm[place : place + 300] for place in range(0, 1_500, 300)]

    def tell(services: Services, order: int) -> int:
        return sum(len(report(services, batch[::order])) for batch in batches)

    results = at_once(lambda: tell(all_services[0], 1), lambda: tell(all_services[1], -1))
    assert all(isinstance(result, int) for result in results), results
    assert sum(results) == 1_500
    assert [failures(all_services[0], incident) for incident in all_of(all_services[0])] == [500, 500, 500]
    for services in all_services:
        services.store.close()


def test_the_same_words_mean_the_same_on_postgresql(database: str) -> None:
    clock = Clock()
    services = some_services(database, clock, pagers=PAGED)
    report(services, [failure(map_index=n, run_id=RUN) for n in range(1_500)] + [told("run_failed")])
    assert failures(services, only(services)) == 1_500
    report(services, [told("task_succeeded", map_index=n, try_number=2) for n in range(1_500)])
    assert only(services).state is State.resolved
    report(services, [failure(run_id="next", tags=["critical"])])
    assert (only(services).times, only(services).page_at) == (2, clock())
    services.store.close()


class TestToldFirstByTheSweep:
    def test_the_hooks_later_report_is_no_second_failure_and_says_why(self, services: Services) -> None:
        report(services, [told(source="sweep", exception=None)])
        assert not only(services).exemplar.exception
        assert report(services, [failure("row is bad", source="listener")]) == []
        assert (only(services).exemplar.exception.message, only(services).state) == ("row is bad", State.open)
        assert what_happened(services, only(services)) == ["opened", "explained"]

    def test_the_same_exception_told_twice_changes_nothing(self, services: Services) -> None:
        report(services, [failure("row is bad")])
        version = only(services).version
        assert report(services, [failure("row is bad", source="callback")]) == []
        assert only(services).version == version
