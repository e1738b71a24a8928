"""Hard cases of road one: what would stop the observer, ring nobody, ring too early, or leave a message as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.incidents.alert import Alert, Kind, page_word
from bot.core.incidents.incident import Incident, State
from bot.core.incidents.maintenance import Window
from bot.core.incidents.routing import Policy, Route, Severity, matcher
from bot.core.incidents.view import View
from bot.core.signals.signal import Signal
from bot.responder.alerts.delivery import Shown, catch_up
from bot.responder.alerts.reminders import settle
from bot.responder.incidents.presses import press
from bot.responder.incidents.silences import end_old_silences
from bot.responder.services import Services
from bot.responder.signals.canary import Canary
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from tests.given import ANA, NOW, PAGED, Clock, failure, some_services, told

LATER = timedelta(minutes=30)
RINGS = Policy((Route("loud", matcher({"dag": "sales"}, "x"), page_after=LATER),))
WARNS = Policy((Route("patient", warn_on_try=1),))


def services_with(tmp_path: Path, policy: Policy, **given: object) -> Services:
    return some_services(f"sqlite:///{tmp_path / 'store.db'}", Clock(), pagers=PAGED, policy=policy, **given)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = services_with(tmp_path, RINGS)
    yield made
    made.store.close()


def clock(services: Services) -> Clock:
    assert isinstance(services.clock, Clock)
    return services.clock


def all_of(services: Services) -> list[Incident]:
    with services.store.read() as t:
        return incidents.listed(t)[::-1]


class Pager:
    """PagerDuty as far as it decides what to say."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, alert: Alert, seen: View) -> Shown:
        word = page_word(alert, seen.incident)
        if word is None:
            return Shown(ref=alert.ref, said=alert.said)
        self.heard.append(word)
        return Shown(ref="key", said=word)


def test_a_warning_becomes_the_error_of_a_cause_that_was_mended_in_the_same_batch(tmp_path: Path) -> None:
    """The mended incident's key is free before the warning takes it; else the observer would stumble for ever."""
    services = services_with(tmp_path, WARNS)
    report(
        services,
        [told("task_retrying", task_id="x", max_tries=3, exception={"type": "ValueError", "message": "row is bad"})],
    )
    report(services, [failure(task_id="y")])
    report(
        services, [told("task_succeeded", task_id="y", try_number=2), failure(task_id="x", try_number=4, max_tries=3)]
    )
    assert [one.state for one in all_of(services)] == [State.open, State.resolved]


def test_a_canary_opens_nothing_where_every_retry_is_a_warning(tmp_path: Path) -> None:
    services = services_with(tmp_path, WARNS)
    flights: list[Signal] = []

    def tell(flown: Sequence[Signal]) -> None:
        flights.extend(report(services, flown))

    Canary(services, tell, timedelta(minutes=1), ()).fly()
    assert len(flights) == 1
    assert all_of(services) == []


def test_what_began_in_a_maintenance_window_rings_after_it_as_its_route_says(tmp_path: Path) -> None:
    ends = NOW + timedelta(hours=1)
    window = Window("w", matcher({"dag": "sales"}, "x"), lambda now: ends if now < ends else None)
    services = services_with(tmp_path, RINGS, maintenance=(window,))
    report(services, [failure()])
    pager = Pager()
    clock(services).now = ends
    end_old_silences(services)
    catch_up(services, Kind.pager, pager)
    assert pager.heard == []
    clock(services).now = ends + LATER
    catch_up(services, Kind.pager, pager)
    assert pager.heard == ["trigger"]


def test_what_a_route_never_rings_does_not_ring_when_its_silence_ends(tmp_path: Path) -> None:
    ends = NOW + timedelta(hours=1)
    window = Window("w", matcher({"dag": "sales"}, "x"), lambda now: ends if now < ends else None)
    policy = Policy((Route("mute", severity=Severity.critical, page_after=timedelta.max),))
    services = services_with(tmp_path, policy, maintenance=(window,))
    report(services, [failure()])
    clock(services).now = ends
    end_old_silences(services)
    pager = Pager()
    catch_up(services, Kind.pager, pager)
    assert pager.heard == []


def test_a_failure_that_rings_rings_in_an_incident_of_one_that_does_not(services: Services) -> None:
    """The same cause in two DAGs is one incident; the second DAG's route asks for a ring."""
    report(services, [failure(dag_id="other")])
    report(services, [failure(dag_id="sales")])
    (one,) = all_of(services)
    assert one.page_at == NOW + LATER


def test_what_becomes_critical_does_not_wait_for_the_ring_of_an_error(tmp_path: Path) -> None:
    services = services_with(tmp_path, Policy((Route("slow", matcher({"dag": "sales"}, "x"), page_after=LATER),)))
    report(services, [failure(dag_id="sales")])
    report(services, [failure(dag_id="other", tags=["critical"])])
    pager = Pager()
    catch_up(services, Kind.pager, pager)
    assert pager.heard == ["trigger"]


@pytest.mark.parametrize("rang", [False, True])
def test_what_comes_back_rings_after_its_whole_time_again(services: Services, rang: bool) -> None:
    pager = Pager()
    report(services, [failure()])
    clock(services).pass_by(minutes=40 if rang else 5)
    catch_up(services, Kind.pager, pager)
    report(services, [told("task_succeeded", try_number=2, occurred_at=clock(services).now.isoformat())])
    clock(services).pass_by(minutes=1)
    catch_up(services, Kind.pager, pager)
    before = ["trigger", "resolve"] if rang else []
    assert pager.heard == before
    clock(services).pass_by(minutes=20)
    report(services, [failure(try_number=3, occurred_at=clock(services).now.isoformat())])
    clock(services).pass_by(minutes=29)
    catch_up(services, Kind.pager, pager)
    assert pager.heard == before
    clock(services).pass_by(minutes=1)
    catch_up(services, Kind.pager, pager)
    assert pager.heard == [*before, "trigger"]


def test_a_storm_that_ended_while_the_bot_was_away_does_not_grow_for_ever(services: Services) -> None:
    """The message was shown last while it grew; nothing has looked at it in the minute in which it stopped."""
    seen: list[int] = []

    def show(alert: Alert, view: View) -> Shown:
        seen.append(view.counts.recent)
        return Shown("C1", "1.0")

    report(services, [failure(task_id=f"t{number}") for number in range(5)])
    catch_up(services, Kind.slack, show)
    assert seen == [5]
    clock(services).pass_by(minutes=20)
    settle(services)
    catch_up(services, Kind.slack, show)
    assert seen == [5, 0]
    clock(services).pass_by(minutes=20)
    settle(services)
    catch_up(services, Kind.slack, show)
    assert seen == [5, 0]


def test_one_alert_that_cannot_be_rendered_keeps_no_other_waiting(services: Services) -> None:
    def show(alert: Alert, view: View) -> Shown:
        if view.incident.id <= 3:
            raise KeyError("a mistake of ours")
        return Shown("C1", f"{view.incident.id}.0")

    report(services, [failure(f"cause {'abcdefgh'[number]}", task_id=f"t{number}") for number in range(5)])
    catch_up(services, Kind.slack, show)
    with services.store.read() as t:
        shown = [alerts.of_incident(t, one.id)[0] for one in all_of(services)]
    assert [bool(one.ref) for one in shown] == [False, False, False, True, True]
    assert all("KeyError" in one.error for one in shown[:3])


def test_an_old_incident_is_not_opened_again_beside_the_one_that_took_its_place(services: Services) -> None:
    """The person is told which alert it is now."""
    report(services, [failure()])
    press(services, ANA, "resolve", 1)
    clock(services).pass_by(hours=5)
    report(services, [failure(run_id="r2", occurred_at=clock(services).now.isoformat())])
    said = press(services, ANA, "reopen", 1)
    assert "A-2" in str(said)


def test_the_same_questions_are_understood_by_postgresql(database: str) -> None:
    """A ring that is put off and a storm that has ended, in one life."""
    services, pager = some_services(database, Clock(), pagers=PAGED, policy=RINGS), Pager()
    report(services, [failure(task_id=f"t{number}") for number in range(3)])
    catch_up(services, Kind.slack, lambda _alert, _seen: Shown("C1", "1.0"))
    clock(services).pass_by(minutes=20)
    settle(services)
    assert all_of(services)[0].version > 2
    catch_up(services, Kind.pager, pager)
    assert pager.heard == []
    clock(services).pass_by(minutes=10)
    catch_up(services, Kind.pager, pager)
    assert pager.heard == ["trigger"]
    services.store.close()
