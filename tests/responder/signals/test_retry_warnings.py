"""Retries: a warning where a route asks for one, one message when it becomes a failure, and nothing where nobody asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.incidents.incident import Counts, Incident, State
from bot.core.incidents.routing import Policy, Route, Severity, matcher
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import PAGED, Clock, failure, some_services, told

WARNS = Policy((Route("patient", matcher({"dag": "sales"}, "x"), severity=Severity.critical, warn_on_try=2),))
RINGS = Policy((Route("loud", page_after=timedelta(minutes=5), warn_on_try=2),))


def retry(number: int, cause: str = "row is bad", **changed: Any) -> Signal:
    exception = {"type": "ValueError", "message": cause}
    return told("task_retrying", try_number=number, max_tries=3, exception=exception, **changed)


def gives_up(cause: str = "row is bad", **changed: Any) -> Signal:
    return failure(cause, try_number=4, max_tries=3, **changed)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 'store.db'}", Clock(), pagers=PAGED, policy=WARNS)
    yield made
    made.store.close()


def all_of(services: Services) -> list[Incident]:
    with services.store.read() as t:
        return incidents.listed(t)[::-1]


def only(services: Services) -> Incident:
    (found,) = all_of(services)
    return found


def counted(services: Services, incident: Incident) -> Counts:
    with services.store.read() as t:
        return incidents.counts(t, incident.id, services.clock())


def what_happened(services: Services, incident: Incident) -> list[str]:
    with services.store.read() as t:
        return [entry.what for entry in incidents.timeline(t, incident.id)]


def test_a_retry_before_the_asked_for_try_is_nothing(services: Services) -> None:
    report(services, [retry(1)])
    assert all_of(services) == []


def test_without_the_option_a_retry_is_nothing(services: Services) -> None:
    services.policy = Policy((Route("quiet"),))
    report(services, [retry(1), retry(2), retry(3)])
    assert all_of(services) == []


def test_from_that_try_on_it_is_a_warning_that_rings_nobody_and_counts_no_failure(services: Services) -> None:
    report(services, [retry(2)])
    report(services, [retry(3)])
    incident = only(services)
    assert (incident.state, incident.severity, incident.page_at) == (State.open, Severity.warning, None)
    count = counted(services, incident)
    assert (count.failures, count.things, count.sick) == (0, 1, 1)
    assert what_happened(services, incident) == ["opened"]


def test_it_rings_where_the_route_says_when(services: Services) -> None:
    services.policy = RINGS
    report(services, [retry(2)])
    assert only(services).page_at == services.clock() + timedelta(minutes=5)


def test_a_retry_that_succeeds_is_well_again(services: Services) -> None:
    report(services, [retry(2)])
    report(services, [told("task_succeeded", try_number=3)])
    assert only(services).state is State.resolved


@pytest.mark.parametrize("cause", ["row is bad", "the disk is full"], ids=["same cause", "another cause"])
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_what_fails_for_good_is_the_same_message(services: Services, cause: str, together: bool) -> None:
    batches = [[retry(2), gives_up(cause)]] if together else [[retry(2)], [gives_up(cause)]]
    for batch in batches:
        report(services, batch)
    incident = only(services)
    assert (incident.state, incident.severity, incident.exemplar.kind) == (State.open, Severity.critical, "task_failed")
    assert incident.page_at == services.clock()  # now it is a failure, and this route calls those critical
    assert counted(services, incident).failures == 1
    assert what_happened(services, incident) == ["opened", "failed"]
    report(services, [told("task_succeeded", try_number=5)])
    assert only(services).state is State.resolved


def test_a_cause_that_is_open_already_takes_the_failure_and_the_warning_ends(services: Services) -> None:
    report(services, [failure(task_id="other")])
    report(services, [retry(2)])
    report(services, [gives_up()])
    error, warning = all_of(services)
    assert (error.state, warning.state) == (State.open, State.resolved)
    assert warning.resolution == f"explained by {error.name}"
    assert counted(services, error).failures == 2


def test_several_that_are_tried_again_are_one_warning_and_become_one_error(services: Services) -> None:
    report(services, [retry(2, task_id=f"t{n}") for n in range(3)])
    assert counted(services, only(services)).things == 3
    report(services, [gives_up(task_id="t0")])
    report(services, [gives_up(task_id="t1"), told("task_succeeded", task_id="t2", try_number=3)])
    count = counted(services, only(services))
    assert (count.failures, count.things, count.sick) == (2, 3, 2)


def test_what_failed_for_good_is_not_warned_about_when_it_is_tried_again(services: Services) -> None:
    report(services, [gives_up()])
    report(services, [retry(5)])
    assert counted(services, only(services)).failures == 1
    assert only(services).exemplar.kind == "task_failed"


def test_a_run_is_not_explained_by_a_task_that_is_only_tried_again(services: Services) -> None:
    report(services, [retry(2)])
    report(services, [told("run_failed")])
    assert [incident.exemplar.kind for incident in all_of(services)] == ["task_retrying", "run_failed"]
    report(services, [gives_up()])
    task, run = all_of(services)
    assert (task.exemplar.kind, run.state) == ("task_failed", State.resolved)


def test_a_warning_that_was_over_comes_back_as_itself(services: Services) -> None:
    report(services, [retry(2), told("task_succeeded", try_number=3)])
    report(services, [retry(2, run_id="the next run")])
    assert (only(services).state, only(services).times) == (State.open, 2)


def test_the_same_on_postgresql(database: str) -> None:
    services = some_services(database, Clock(), policy=WARNS)
    report(services, [retry(2, task_id=f"t{n}") for n in range(3)])
    report(services, [gives_up(task_id="t0")])
    assert counted(services, only(services)).failures == 1
    services.store.close()
