"""The canary: fresh while the whole road is well, stale when anything on it hangs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.errors import Temporary
from bot.responder.services import Services
from bot.responder.signals.canary import Canary
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import Clock

EVERY = timedelta(minutes=5)


def test_a_flight_that_comes_through_keeps_it_fresh_and_opens_nothing(services: Services, clock: Clock) -> None:
    canary = Canary(services, lambda told: report(services, told), EVERY, [])
    clock.pass_by(minutes=60)
    assert canary.trouble()
    assert canary.fly()
    assert (canary.trouble(), canary.age()) == ("", 0.0)
    with services.store.read() as t:
        assert incidents.listed(t) == []


def test_a_loop_that_hangs_makes_it_stale(services: Services, clock: Clock) -> None:
    canary = Canary(services, lambda told: report(services, told), EVERY, ["slack"])
    services.rounds["slack"] = clock.monotonic()
    assert canary.fly()
    clock.pass_by(minutes=16)
    assert not canary.fly()
    assert "no canary came through for 960 s" in canary.trouble()
    services.rounds["slack"] = clock.monotonic()
    assert canary.fly()
    assert canary.trouble() == ""


def test_a_writer_that_does_not_commit_makes_it_stale(services: Services, clock: Clock) -> None:
    def refuse(_: object) -> None:
        raise Temporary("the disk is full")

    canary = Canary(services, refuse, EVERY, [])
    clock.pass_by(minutes=16)
    assert not canary.fly()
    assert canary.trouble()


def test_slack_away_is_told_and_the_dead_man_is_not_called_but_the_bot_stays_in_service(services: Services) -> None:
    def away() -> None:
        raise Temporary("Slack does not answer")

    canary = Canary(services, lambda told: report(services, told), EVERY, [], away, "http://127.0.0.1:9/never")
    assert not canary.fly()
    assert (canary.outside_trouble, canary.trouble()) == ("Slack does not answer", "")


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_a_clock_that_jumps_makes_it_neither_stale_nor_fresh(services: Services, clock: Clock, hours: int) -> None:
    canary = Canary(services, lambda told: report(services, told), EVERY, ["slack"])
    services.rounds["slack"] = clock.monotonic()
    clock.jump(hours=hours)
    assert (canary.trouble(), canary.age()) == ("", 0.0)
    assert canary.fly()
    clock.pass_by(minutes=16)
    clock.jump(hours=-hours)
    assert "no canary came through for 960 s" in canary.trouble()


def test_a_dead_mans_url_that_cannot_be_is_a_line_of_the_log(services: Services) -> None:
    assert not Canary(services, lambda told: report(services, told), EVERY, [], None, "http://[").fly()
