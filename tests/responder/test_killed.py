"""Tasks that were killed without a word: one message for a lost host, and another for the next one on it."""

from __future__ import annotations

from datetime import datetime

from bot.core.incidents.incident import Incident, State
from bot.core.signals.signal import Signal
from bot.responder.incidents.presses import press
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import ANA, Clock, failure, told


def killed(task: str, at: datetime, host: str = "worker-3") -> Signal:
    return told(exception=None, hostname=host, task_id=task, occurred_at=at.isoformat())


def all_of(services: Services) -> list[Incident]:
    with services.store.read() as t:
        return incidents.listed(t)[::-1]


def failures(services: Services, incident: Incident) -> int:
    with services.store.read() as t:
        return incidents.counts(t, incident.id, services.clock()).failures


def test_within_ten_minutes_of_the_last_it_is_the_same_however_long_that_goes_on(
    services: Services, clock: Clock
) -> None:
    for number in range(4):
        report(services, [killed(f"t{number}", clock.pass_by(minutes=9))])
    assert [failures(services, incident) for incident in all_of(services)] == [4]


def test_later_it_is_another_incident_although_the_first_is_open(services: Services, clock: Clock) -> None:
    report(services, [killed("a", clock()), killed("b", clock())])
    report(services, [killed("c", clock.pass_by(minutes=11))])
    report(services, [killed("d", clock.pass_by(minutes=1))])
    assert [(failures(services, i), i.state) for i in all_of(services)] == [(2, State.open), (2, State.open)]


def test_both_kinds_of_one_batch_are_told_apart(services: Services, clock: Clock) -> None:
    first = clock()
    report(services, [killed("a", first), killed("b", clock.pass_by(minutes=30)), killed("c", clock())])
    assert [failures(services, incident) for incident in all_of(services)] == [1, 2]


def test_the_first_is_still_healed_by_its_own_tasks_and_told_once(services: Services, clock: Clock) -> None:
    first = killed("a", clock())
    report(services, [first])
    report(services, [killed("b", clock.pass_by(minutes=20))])
    assert report(services, [first]) == []
    report(services, [told("task_succeeded", task_id="a", try_number=2, occurred_at=clock().isoformat())])
    assert [incident.state for incident in all_of(services)] == [State.resolved, State.open]


def test_what_was_over_comes_back_as_itself_within_the_window_only(services: Services, clock: Clock) -> None:
    for minutes, expected in ((5, [2]), (30, [2, 1])):
        report(services, [killed("a", clock())])
        report(services, [told("task_succeeded", task_id="a", try_number=2, occurred_at=clock().isoformat())])
        report(services, [killed(f"b{minutes}", clock.pass_by(minutes=minutes))])
        assert [incident.times for incident in all_of(services)] == expected


def test_a_person_may_open_the_first_again_beside_the_second(services: Services, clock: Clock) -> None:
    report(services, [killed("a", clock())])
    press(services, ANA, "resolve", 1)
    report(services, [killed("b", clock.pass_by(minutes=20))])
    press(services, ANA, "reopen", 1)
    assert [incident.state for incident in all_of(services)] == [State.open, State.open]


def test_a_cause_that_is_known_folds_for_as_long_as_it_is_open(services: Services, clock: Clock) -> None:
    report(services, [failure(task_id="a")])
    report(services, [failure(task_id="b", occurred_at=clock.pass_by(hours=5).isoformat())])
    assert [failures(services, incident) for incident in all_of(services)] == [2]
