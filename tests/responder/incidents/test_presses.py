"""Presses: two people at once, what a press leaves behind, and an audit line for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.core.access import Access, Rule
from bot.core.errors import Refused
from bot.core.incidents.alert import Kind
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.routing import Silence
from bot.core.roles import Role
from bot.responder.incidents.presses import learn, note, press
from bot.responder.incidents.silences import LONGEST_SILENCE, end_old_silences, silence, unsilence
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from bot.store.tables import audit
from tests.given import ANA, BEN, PAGED, Clock, at_once, failure, some_services, told


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Any, clock: Clock) -> Iterator[Services]:
    url = f"sqlite:///{tmp_path / 's.db'}" if request.param == "sqlite" else request.getfixturevalue("database")
    made = some_services(url, clock, pagers=PAGED)
    report(made, [failure()])
    made.alerts_owed.clear()
    yield made
    made.store.close()


def only(services: Services) -> Incident:
    with services.store.read() as t:
        (found,) = incidents.listed(t)
    return found


def audited(services: Services) -> list[tuple[str, str, bool, str]]:
    with services.store.read() as t:
        return [(row.who, row.verb, row.allowed, row.outcome) for row in t.execute(select(audit).order_by(audit.c.id))]


def pages(services: Services) -> list[Any]:
    with services.store.read() as t:
        return [alert for alert in alerts.of_incident(t, only(services).id) if alert.place.kind is Kind.pager]


def test_of_two_people_at_once_one_gets_it_and_the_other_is_told_by_whom(services: Services) -> None:
    number = only(services).id
    results = at_once(
        lambda: press(services, ANA, "acknowledge", number), lambda: press(services, BEN, "acknowledge", number)
    )
    (won,) = [result for result in results if isinstance(result, Incident)]
    (lost,) = [result for result in results if isinstance(result, Refused)]
    assert won.holder is not None
    assert lost.reason == f"{won.holder.name} has {won.name} already."
    assert only(services).holder == won.holder
    assert only(services).version == 2
    assert sorted(line[:3] for line in audited(services)) == [
        ("Ana", "acknowledge", True),
        ("Ben", "acknowledge", True),
    ]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "escalate"])
def test_a_press_moves_the_incident_leaves_a_line_and_makes_the_alert_owed_now(
    services: Services, clock: Clock, verb: str
) -> None:
    with services.store.write() as t:
        alerts.change(t, alerts.of_incident(t, only(services).id)[0].id, shown=1, due_at=clock() + timedelta(minutes=9))
    pressed = press(services, ANA, verb, only(services).id, "why not")
    assert isinstance(pressed, Incident)
    assert only(services) == pressed
    with services.store.read() as t:
        assert incidents.timeline(t, pressed.id)[-1].who == "Ana"
        assert [alert.due_at for alert in alerts.due(t, Kind.slack, clock())] == [clock()]
    assert services.alerts_owed.is_set()
    assert audited(services) == [("Ana", verb, True, pressed.state.value)]


def test_a_press_without_the_role_changes_nothing_and_is_in_the_audit(services: Services) -> None:
    services.access = Access({Role.responder: frozenset({BEN.id})})
    refused = press(services, ANA, "acknowledge", only(services).id)
    assert refused == Refused("`acknowledge` needs the role *responder*; you are a *viewer*.", missing=Role.responder)
    assert only(services).state is State.open
    assert audited(services) == [("Ana", "acknowledge", False, refused.reason)]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "escalate"])
def test_a_rule_about_one_of_its_dags_holds_for_the_whole_alert(services: Services, verb: str) -> None:
    """Also where another DAG failed last, and is the one that the alert shows."""
    rule = Rule(verbs=frozenset({verb}), dags=("ledger*",), role=Role.admin)
    services.access = Access({Role.responder: frozenset({"*"}), Role.admin: frozenset({BEN.id})}, rules=(rule,))
    alone = only(services)
    report(services, [failure("another cause", dag_id="orders"), failure(dag_id="ledger_daily")])
    report(services, [failure(dag_id="orders", task_id="other")])
    with services.store.read() as t:
        assert {i.id: i.exemplar.dag_id for i in incidents.listed(t)} == {alone.id: "orders", alone.id + 1: "orders"}
    refused = press(services, ANA, verb, alone.id)
    assert isinstance(refused, Refused)
    assert "on `ledger_daily` needs the role *admin*" in refused.reason
    assert not isinstance(press(services, ANA, verb, alone.id + 1), Refused)
    assert not isinstance(press(services, BEN, verb, alone.id), Refused)


def test_a_press_on_an_alert_that_is_none_is_refused_and_in_the_audit(services: Services) -> None:
    refused = press(services, ANA, "resolve", 999)
    assert refused == Refused("There is no alert A-999.", "open")
    assert audited(services) == [("Ana", "resolve", True, "There is no alert A-999.")]


def test_an_incident_resolved_by_hand_is_well_and_may_come_back(services: Services) -> None:
    press(services, ANA, "resolve", only(services).id)
    with services.store.read() as t:
        assert incidents.sick_count(t, only(services).id) == 0
    press(services, BEN, "reopen", only(services).id)
    with services.store.read() as t:
        assert incidents.sick_count(t, only(services).id) == 1
    report(services, [told("task_succeeded", try_number=2)])
    assert only(services).state is State.resolved


def test_escalating_rings_even_when_somebody_has_it(services: Services, clock: Clock) -> None:
    press(services, ANA, "acknowledge", only(services).id)
    assert pages(services) == []
    press(services, BEN, "escalate", only(services).id)
    assert [page.due_at for page in pages(services)] == [clock()]
    assert only(services).escalated_at == clock()


def test_where_nobody_can_be_rung_escalating_says_so(services: Services) -> None:
    services.pagers = {}
    refused = press(services, ANA, "escalate", only(services).id)
    assert isinstance(refused, Refused)
    assert "no pager, such as PagerDuty, is configured" in refused.reason
    assert audited(services)[0][2] is False


def test_a_silence_covers_what_is_open_already_until_its_end(services: Services, clock: Clock) -> None:
    made = silence(services, ANA, "dag:sal*", "prod", timedelta(hours=2), "known")
    assert isinstance(made, Silence)
    assert only(services).silence == made
    clock.pass_by(hours=1)
    end_old_silences(services)
    assert only(services).silence == made
    clock.pass_by(hours=1)
    end_old_silences(services)
    assert only(services).silence is None
    with services.store.read() as t:
        assert [entry.what for entry in incidents.timeline(t, only(services).id)] == [
            "opened",
            "silenced",
            "unsilenced",
        ]
    assert audited(services) == [("Ana", "silence", True, f"S-{made.id}")]


def test_a_silence_can_be_ended_once(services: Services) -> None:
    made = silence(services, ANA, "dag:sales", "prod", timedelta(hours=2), "")
    assert isinstance(made, Silence)
    assert unsilence(services, BEN, made.id) is None
    assert only(services).silence is None
    assert isinstance(unsilence(services, BEN, made.id), Refused)
    assert isinstance(unsilence(services, BEN, 999), Refused)
    assert [line[1] for line in audited(services)] == ["silence", "unsilence", "unsilence", "unsilence"]


@pytest.mark.parametrize("lasts", [timedelta(0), -timedelta(hours=1), LONGEST_SILENCE + timedelta(seconds=1)])
def test_a_silence_without_a_sensible_end_is_refused(services: Services, lasts: timedelta) -> None:
    assert isinstance(silence(services, ANA, "dag:sales", "prod", lasts, ""), Refused)
    assert only(services).silence is None


def test_what_airflow_tells_makes_an_alert_owed_only_when_it_is_news(services: Services) -> None:
    learn(services, only(services).id, {"waiting": 4})
    assert (only(services).version, only(services).context) == (2, {"waiting": 4})
    learn(services, only(services).id, {"waiting": 4})
    assert only(services).version == 2


def test_a_note_is_a_line_and_makes_the_alert_owed(services: Services, clock: Clock) -> None:
    note(services, only(services).id, Entry(clock(), "cleared", "Airflow cleared 3 tasks"))
    assert only(services).version == 2
    assert services.alerts_owed.is_set()
