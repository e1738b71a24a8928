"""Reminders: who has had an incident for long is asked once in each stretch of time."""

from __future__ import annotations

from pathlib import Path

from bot.core.incidents.alert import Kind
from bot.responder.alerts.delivery import Shown, catch_up
from bot.responder.alerts.reminders import REMINDER, remind, settle
from bot.responder.incidents.presses import press
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import ANA, Clock, failure, some_services, told


def test_the_holder_is_asked_after_four_hours_and_again_after_four_more(tmp_path: Path) -> None:
    clock = Clock()
    services = some_services(f"sqlite:///{tmp_path / 'windsock.db'}", clock)
    report(services, [told()])
    seen = []
    for verb, hours in ((None, 5), ("acknowledge", 3.9), (None, 0.2), (None, 3.5), (None, 0.6)):
        if verb:
            press(services, ANA, verb, 1)
        clock.pass_by(hours=hours)
        remind(services)
        remind(services)
        with services.store.read() as t:
            seen.append(sum(entry.what == REMINDER for entry in incidents.timeline(t, 1)))
    assert seen == [0, 0, 1, 1, 2]
    services.store.close()


def test_a_storm_is_shown_once_more_when_it_has_stopped_growing(tmp_path: Path) -> None:
    clock = Clock()
    services = some_services(f"sqlite:///{tmp_path / 'windsock.db'}", clock)
    report(services, [failure(map_index=n) for n in range(3)])
    versions = []
    catch_up(services, Kind.slack, lambda _alert, _seen: Shown("C1", "1.0"))
    for minutes in (1, 3.5, 1, 1):
        clock.pass_by(minutes=minutes)
        settle(services)
        catch_up(services, Kind.slack, lambda _alert, _seen: Shown("C1", "1.0"))
        with services.store.read() as t:
            versions.append(incidents.listed(t)[0].version)
    assert versions == [3, 3, 4, 4]
    services.store.close()
