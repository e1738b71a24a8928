"""What becomes critical rings, whoever has it and however quiet it was made for something less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.access import Access, Rule
from bot.core.incidents.alert import Kind, page_word
from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import Policy, Route, Severity, Silence, matcher
from bot.core.roles import Role
from bot.responder.incidents.presses import press
from bot.responder.incidents.silences import silence
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from tests.given import ANA, BEN, PAGED, Clock, failure, placed, some_services, told

LEDGER_IS_THE_ADMINS = Access({Role.operator: frozenset({"*"})}, rules=(Rule(dags=("ledger_*",), role=Role.admin),))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), pagers=PAGED)
    yield made
    made.store.close()


def first(services: Services) -> Incident:
    with services.store.read() as t:
        return incidents.listed(t)[-1]


def rings(services: Services, name: str = "A-1") -> bool:
    """Whether PagerDuty is to hear of it now."""
    with services.store.read() as t:
        one = next(one for one in incidents.listed(t) if one.name == name)
        pages = [alert for alert in alerts.of_incident(t, one.id) if alert.place.kind is Kind.pager]
        return any(
            page_word(alert, one) == "trigger" and (alert.due_at or services.clock()) <= services.clock()
            for alert in pages
        )


def timeline(services: Services) -> list[str]:
    with services.store.read() as t:
        return [entry.text for entry in incidents.timeline(t, 1)]


def test_a_critical_dag_that_joins_an_alert_that_somebody_has_rings_and_is_said(services: Services) -> None:
    report(services, [failure(dag_id="toy")])
    press(services, BEN, "acknowledge", 1)
    assert not rings(services)
    report(services, [failure(dag_id="payroll", tags=["critical"])])
    assert rings(services)
    assert (
        timeline(services)[-1] == "Critical now: payroll.load failed of the same cause; Ben took it when it was error"
    )
    services.clock.pass_by(seconds=30)  # type: ignore[attr-defined]
    press(services, ANA, "unacknowledge", 1)
    press(services, ANA, "acknowledge", 1)
    assert not rings(services)
    report(services, [failure(dag_id="payroll", task_id="next", tags=["critical"])])
    assert not rings(services)  # she took it when it was critical


def test_one_that_joins_a_silenced_alert_rings_too_unless_it_was_silenced_as_critical(services: Services) -> None:
    report(services, [failure(dag_id="toy")])
    made = silence(services, BEN, f"signature:{first(services).signature}", "prod", timedelta(hours=2), "known")
    assert isinstance(made, Silence)
    assert made.severity is Severity.error
    report(services, [failure(dag_id="toy", task_id="again")])
    assert not rings(services)
    report(services, [failure(dag_id="payroll", tags=["critical"])])
    assert rings(services)
    assert timeline(services)[-1].endswith("; it was silenced when it was error")
    made = silence(services, BEN, f"signature:{first(services).signature}", "prod", timedelta(hours=2), "known")
    assert isinstance(made, Silence)
    assert made.severity is Severity.critical
    report(services, [failure(dag_id="payroll", task_id="again", tags=["critical"])])
    assert not rings(services)


def test_a_new_alert_that_is_worse_than_what_was_silenced_is_not_silenced(services: Services) -> None:
    report(services, [failure(dag_id="toy")])
    silence(services, BEN, f"signature:{first(services).signature}", "prod", timedelta(hours=20), "known")
    press(services, BEN, "resolve", 1)
    services.clock.pass_by(hours=5)  # type: ignore[attr-defined]
    report(services, [failure(dag_id="payroll", tags=["critical"], occurred_at=services.clock().isoformat())])
    assert rings(services, "A-2")


def test_a_silence_covers_only_dags_that_its_maker_might_silence(services: Services) -> None:
    services.access = LEDGER_IS_THE_ADMINS
    report(services, [failure(dag_id="toy", tags=["critical"])])
    made = silence(services, BEN, f"signature:{first(services).signature}", "prod", timedelta(hours=20), "known")
    assert isinstance(made, Silence)
    press(services, BEN, "resolve", 1)
    services.clock.pass_by(hours=5)  # type: ignore[attr-defined]
    at = services.clock().isoformat()
    report(services, [failure(dag_id="ledger_x", tags=["critical"], occurred_at=at)])
    assert first(services).silence is None
    assert rings(services, "A-2")


ERRORS_PAGE = Policy((Route("all", page_after=timedelta(0)),))


def paged(services: Services) -> list[str]:
    """What the pager hears now, recorded as delivery does."""
    services.clock.pass_by(seconds=30)  # type: ignore[attr-defined]
    with services.store.write() as t:
        one = incidents.listed(t)[-1]
        (alert,) = [alert for alert in alerts.of_incident(t, one.id) if alert.place.kind is Kind.pager]
        word = page_word(alert, one)
        if word is not None:
            said = "trigger" if word == "again" else word
            at = {"posted_at": services.clock()} if said == "trigger" else {}
            alerts.change(t, alert.id, shown=one.version, said=said, ref="key", **at)
    services.clock.pass_by(seconds=30)  # type: ignore[attr-defined]
    return [word] if word else []


@pytest.mark.parametrize("meanwhile", ["acknowledge", "silence", "nothing"])
def test_what_was_paged_as_an_error_pages_anew_when_it_becomes_critical(services: Services, meanwhile: str) -> None:
    services.policy = ERRORS_PAGE
    report(services, [failure(dag_id="toy")])
    assert paged(services) == ["trigger"]
    if meanwhile == "acknowledge":
        press(services, BEN, "acknowledge", 1)
        assert paged(services) == ["acknowledge"]
    if meanwhile == "silence":
        silence(services, BEN, f"signature:{first(services).signature}", "prod", timedelta(hours=2), "known")
        assert paged(services) == []
    report(services, [failure(dag_id="payroll", tags=["critical"])])
    assert paged(services) == ["again"]
    report(services, [failure(dag_id="payroll", task_id="next", tags=["critical"])])
    assert paged(services) == []


def test_what_a_person_escalates_after_the_page_was_acknowledged_pages_anew(services: Services) -> None:
    services.policy = ERRORS_PAGE
    report(services, [failure(dag_id="toy")])
    paged(services)
    press(services, BEN, "acknowledge", 1)
    paged(services)
    press(services, ANA, "escalate", 1)
    assert paged(services) == ["again"]
    assert paged(services) == []


def test_a_failure_outside_the_silence_that_covers_the_others_pages(services: Services) -> None:
    report(services, [failure(dag_id="sales", tags=["critical"])])
    made = silence(services, ANA, "dag:sales", "prod", timedelta(hours=8), "known")
    assert isinstance(made, Silence)
    report(services, [failure(dag_id="sales", task_id="again", tags=["critical"])])
    assert not rings(services)
    report(services, [failure(dag_id="billing", tags=["critical"])])
    assert rings(services)
    assert timeline(services)[-1] == "billing.load failed of the same cause, and no silence covers it"
    paged(services)
    report(services, [failure(dag_id="billing", task_id="again", tags=["critical"])])
    assert paged(services) == []


@pytest.mark.parametrize("meanwhile", ["nothing", "acknowledge"])
def test_a_critical_task_that_explains_its_runs_failure_pages_at_once(services: Services, meanwhile: str) -> None:
    services.policy = Policy((Route("runs", matcher({"kind": "run_failed"}, "x"), page_after=timedelta(hours=1)),))
    report(services, [told("run_failed")])
    if meanwhile == "acknowledge":
        press(services, BEN, "acknowledge", 1)
    assert not rings(services)
    report(services, [failure(tags=["critical"])])
    assert first(services).severity is Severity.critical
    assert rings(services)


def test_an_exception_that_makes_a_known_failure_critical_pages(services: Services) -> None:
    """The sweep reports it first, and the hook brings the cause that a route calls critical."""
    cause = matcher({"signature": placed(failure())[0].name}, "x")
    services.policy = Policy((Route("sure", cause, severity=Severity.critical),))
    report(services, [told(source="sweep", exception=None)])
    assert not rings(services)
    report(services, [failure()])
    assert first(services).severity is Severity.critical
    assert rings(services)


RUNS_ARE_CRITICAL = Policy(
    (Route("runs", match=matcher({"kind": "run_failed"}, "r"), severity=Severity.critical, page_after=timedelta(0)),)
)
RUN_AND_TASK = {"run": told("run_failed", dag_id="nightly"), "task": failure(dag_id="nightly")}


@pytest.mark.parametrize("reports", [["task", "run"], ["run", "task"], ["task+run"], ["run+task"]])
def test_a_run_that_a_route_makes_critical_pages_in_whatever_order_it_and_its_task_are_reported(
    tmp_path: Path, reports: list[str]
) -> None:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), pagers=PAGED, policy=RUNS_ARE_CRITICAL)
    for one in reports:
        report(made, [RUN_AND_TASK[name] for name in one.split("+")])
    with made.store.read() as t:
        (only,) = [one for one in incidents.listed(t) if one.state is State.open]
    assert only.severity is Severity.critical
    assert rings(made, only.name)
    assert only.exemplar.task_id == "load"


def test_a_run_adds_nothing_to_the_incident_of_its_task_where_no_route_asks_for_more(services: Services) -> None:
    report(services, [RUN_AND_TASK["task"]])
    before = first(services)
    report(services, [RUN_AND_TASK["run"]])
    assert first(services) == before
