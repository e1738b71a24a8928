"""PagerDuty's webhooks: what somebody does there is done here, and only a right signature is believed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.core.errors import Refused
from bot.core.incidents.alert import Kind, Place, page_word
from bot.core.incidents.routing import Severity
from bot.responder.incidents.presses import press
from bot.responder.services import Services
from bot.responder.signals.intake import Intake
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from bot.store.signals import heard
from bot.web.http import Edge
from bot.web.routes import site
from tests.given import ANA, NOW, PAGED, some_services, told

KEY = "windsock-prod-A-1"


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    sqlite = f"sqlite:///{tmp_path / 'windsock.db'}"
    made = some_services(sqlite if request.param == "sqlite" else request.getfixturevalue("database"), pagers=PAGED)
    report(made, [told(tags=["critical"])])
    with made.store.write() as t:
        alerts.ensure(t, 1, Place(Kind.pager, "pagerduty"), NOW)
        page = next(a for a in alerts.of_incident(t, 1) if a.place.kind is Kind.pager)
        alerts.change(t, page.id, ref=KEY, said="trigger")
    yield made
    made.store.close()


def post(services: Services, event: dict[str, Any], *, secret: str = "secret", configured: str = "secret") -> Any:
    body = json.dumps({"event": event}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    with TestClient(site(Edge(services, Intake(services), pagerduty_secret=configured))) as client:
        return client.post("/v1/pagerduty", content=body, headers={"X-PagerDuty-Signature": f"v1=00,v1={signature}"})


def event(what: str = "acknowledged", key: str = KEY, agent: Any = "ben", **changed: Any) -> dict[str, Any]:
    ben = {"id": "PBEN", "type": "user_reference", "summary": "Ben Builder"} if agent == "ben" else agent
    data = {"id": "Q1", "incident_key": key}
    return {"id": f"01{what}", "event_type": f"incident.{what}", "agent": ben, "data": data} | changed


def at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def state(services: Services) -> tuple[str, str]:
    with services.store.read() as t:
        incident = incidents.get(t, 1)
    assert incident is not None
    return incident.state.value, incident.holder.name if incident.holder else ""


def test_an_acknowledgement_there_is_one_here_by_name(services: Services) -> None:
    assert post(services, event()).json() == {"done": True}
    assert state(services) == ("acknowledged", "Ben")


def test_resolved_there_is_resolved_here_and_twice_is_once(services: Services) -> None:
    assert post(services, event("resolved")).json() == {"done": True}
    assert post(services, event("resolved")).json() == {"done": False}
    assert state(services)[0] == "resolved"


@pytest.mark.parametrize(
    "told_back", [event(agent=None), event(key="somebody else's"), event("annotated"), event(key="")]
)
def test_our_own_words_and_what_is_not_ours_are_2xx_and_change_nothing(
    services: Services, told_back: dict[str, Any]
) -> None:
    answer = post(services, told_back)
    assert (answer.status_code, answer.json()) == (202, {"done": False})
    assert state(services) == ("open", "")


def test_a_wrong_signature_is_refused_and_changes_nothing(services: Services) -> None:
    assert post(services, event(), secret="guessed").status_code == 401
    assert state(services) == ("open", "")


def test_without_a_secret_nothing_is_believed(services: Services) -> None:
    assert post(services, event(), configured="").status_code == 404
    assert state(services) == ("open", "")


def fails_again(services: Services, minutes: float) -> None:
    """The incident was resolved, and its task fails again at that minute."""
    fresh = told(tags=["critical"], occurred_at=at(minutes), try_number=2)
    services.clock = lambda: NOW + timedelta(minutes=minutes)  # type: ignore[method-assign]
    report(services, [fresh])
    assert state(services)[0] == "open"


def test_an_event_that_comes_again_ends_no_later_life(services: Services) -> None:
    resolved = event("resolved")
    assert post(services, resolved).json() == {"done": True}
    fails_again(services, 5)
    assert post(services, resolved).json() == {"done": False}
    assert state(services)[0] == "open"


@pytest.mark.parametrize("occurred_at", [at(4), "2020-01-01T00:00:00Z", "yesterday", 5, [], "", "9999-99-99"])
@pytest.mark.parametrize("what", ["acknowledged", "resolved"])
def test_an_event_that_comes_late_changes_no_later_life(services: Services, what: str, occurred_at: object) -> None:
    assert post(services, event("resolved", id="an earlier one")).json() == {"done": True}
    fails_again(services, 5)
    answer = post(services, event(what, occurred_at=occurred_at))
    assert (answer.status_code, answer.json()) == (202, {"done": False})
    assert state(services)[0] == "open"


def test_a_late_word_of_giving_back_does_not_free_who_took_it_since(services: Services) -> None:
    services.clock = lambda: NOW + timedelta(minutes=10)  # type: ignore[method-assign]
    assert post(services, event("acknowledged", occurred_at=at(6))).json() == {"done": True}
    assert post(services, event("unacknowledged", occurred_at=at(5))).json() == {"done": False}
    assert state(services) == ("acknowledged", "Ben")
    assert post(services, event("unacknowledged", id="a later one", occurred_at=at(7))).json() == {"done": True}


def test_a_late_word_of_opening_does_not_open_what_was_resolved_since(services: Services) -> None:
    services.clock = lambda: NOW + timedelta(minutes=10)  # type: ignore[method-assign]
    assert post(services, event("resolved", occurred_at=at(9))).json() == {"done": True}
    assert post(services, event("reopened", occurred_at=at(8))).json() == {"done": False}
    assert state(services)[0] == "resolved"
    assert post(services, event("reopened", id="a later one", occurred_at=at(11))).json() == {"done": True}


def fails(services: Services, minutes: float, **changed: Any) -> None:
    """Another run of the same task fails of the same cause at that minute."""
    services.clock = lambda: NOW + timedelta(minutes=minutes)  # type: ignore[method-assign]
    report(services, [told(**{"tags": ["critical"], "occurred_at": at(minutes), "run_id": f"r{minutes}"} | changed)])


def page(services: Services) -> str | None:
    """What PagerDuty is to be sent now."""
    with services.store.read() as t:
        alert = next(a for a in alerts.of_incident(t, 1) if a.place.kind is Kind.pager)
        incident = incidents.get(t, 1)
    assert incident is not None
    return page_word(alert, incident)


def sick(services: Services) -> list[str]:
    with services.store.read() as t:
        return [one.run_id for one in incidents.subjects_of(t, 1, sick=True)]


def test_a_late_resolution_ends_what_had_failed_when_it_was_pressed_and_pages_for_the_rest(services: Services) -> None:
    with services.store.write() as t:
        (mine,) = [a for a in alerts.of_incident(t, 1) if a.place.kind is Kind.pager]
        alerts.change(t, mine.id, posted_at=NOW)
    fails(services, 10)
    services.clock = lambda: NOW + timedelta(minutes=20)  # type: ignore[method-assign]
    assert post(services, event("resolved", occurred_at=at(5))).json() == {"done": True}
    assert (state(services), sick(services), page(services)) == (("open", ""), ["r10"], "again")
    with services.store.read() as t:
        assert "Ben resolved it in PagerDuty at" in incidents.timeline(t, 1)[-1].text
    services.clock = lambda: NOW + timedelta(minutes=30)  # type: ignore[method-assign]
    assert post(services, event("resolved", id="a later one", occurred_at=at(25))).json() == {"done": True}
    assert (state(services)[0], sick(services)) == ("resolved", [])


def test_a_late_resolution_ends_an_incident_whose_later_failures_are_well(services: Services) -> None:
    fails(services, 10)
    report(services, [told("task_succeeded", occurred_at=at(12), run_id="r10", try_number=2)])
    services.clock = lambda: NOW + timedelta(minutes=20)  # type: ignore[method-assign]
    assert post(services, event("resolved", occurred_at=at(5))).json() == {"done": True}
    assert state(services)[0] == "resolved"


def test_a_late_acknowledgement_does_not_take_what_was_given_back_since(services: Services) -> None:
    services.clock = lambda: NOW + timedelta(minutes=30)  # type: ignore[method-assign]
    assert post(services, event("acknowledged", id="1", occurred_at=at(5))).json() == {"done": True}
    assert post(services, event("unacknowledged", id="2", occurred_at=at(10))).json() == {"done": True}
    assert post(services, event("acknowledged", id="3", occurred_at=at(8))).json() == {"done": False}
    assert state(services) == ("open", "")
    assert post(services, event("acknowledged", id="4", occurred_at=at(11))).json() == {"done": True}


def test_an_acknowledgement_of_something_less_does_not_take_what_became_critical_since(services: Services) -> None:
    with services.store.write() as t:
        incident = incidents.get(t, 1)
        assert incident is not None
        incidents.save(t, replace(incident, severity=Severity.error))
    fails(services, 10, dag_id="payroll")
    assert post(services, event("acknowledged", occurred_at=at(5))).json() == {"done": False}
    assert state(services) == ("open", "")
    assert post(services, event("acknowledged", id="later", occurred_at=at(10))).json() == {"done": True}


HISTORY = ("acknowledged", "unacknowledged", "acknowledged", "resolved", "reopened", "resolved")


@pytest.mark.parametrize("length", range(1, len(HISTORY) + 1))
def test_no_event_changes_anything_when_it_is_delivered_again_days_later(services: Services, length: int) -> None:
    told_there = [event(what, id=str(n), occurred_at=at(n)) for n, what in enumerate(HISTORY[:length], start=1)]
    for n, one in enumerate(told_there, start=1):
        services.clock = lambda n=n: NOW + timedelta(minutes=n)  # type: ignore[method-assign,misc]
        assert post(services, one).json() == {"done": True}, one
    for days in (2, 3):
        services.clock = lambda days=days: NOW + timedelta(days=days)  # type: ignore[method-assign,misc]
        if days == 3:  # what a person here made of it since then stays as well
            pressed = press(
                services, ANA, {"resolved": "reopen", "open": "acknowledge"}.get(state(services)[0], "resolve"), 1
            )
            assert not isinstance(pressed, Refused)
        before = state(services)
        assert [post(services, one).json() for one in told_there] == [{"done": False}] * len(told_there)
        assert state(services) == before


def test_what_was_heard_is_forgotten_after_a_day(services: Services) -> None:
    with services.store.write() as t:
        assert heard.first_time(t, NOW, "pagerduty", "01")
        assert not heard.first_time(t, NOW + timedelta(hours=23), "pagerduty", "01")
        assert heard.first_time(t, NOW + timedelta(hours=23), "pagerduty", "02")
        assert heard.first_time(t, NOW + timedelta(hours=25), "pagerduty", "01")
