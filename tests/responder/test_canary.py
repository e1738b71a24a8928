"""The canary: fresh while the whole road is well, stale when anything on it hangs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.errors import Temporary
from bot.responder.services import Desk
from bot.responder.signals.canary import Canary
from bot.responder.signals.observe import report
from bot.store import incidents
from tests.given import Clock, a_desk

EVERY = timedelta(minutes=5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    made = a_desk(f"sqlite:///{tmp_path / 'windsock.db'}", clock)
    yield made
    made.store.close()


def test_a_flight_that_comes_through_keeps_it_fresh_and_opens_nothing(desk: Desk, clock: Clock) -> None:
    canary = Canary(desk, lambda told: report(desk, told), EVERY, [])
    clock.pass_by(minutes=60)
    assert canary.trouble()
    assert canary.fly()
    assert (canary.trouble(), canary.age()) == ("", 0.0)
    with desk.store.read() as t:
        assert incidents.listed(t) == []


def test_a_loop_that_hangs_makes_it_stale(desk: Desk, clock: Clock) -> None:
    canary = Canary(desk, lambda told: report(desk, told), EVERY, ["slack"])
    desk.rounds["slack"] = clock.monotonic()
    assert canary.fly()
    clock.pass_by(minutes=16)
    assert not canary.fly()
    assert "no canary came through for 960 s" in canary.trouble()
    desk.rounds["slack"] = clock.monotonic()
    assert canary.fly()
    assert canary.trouble() == ""


def test_a_writer_that_does_not_commit_makes_it_stale(desk: Desk, clock: Clock) -> None:
    def refuse(_: object) -> None:
        raise Temporary("the disk is full")

    canary = Canary(desk, refuse, EVERY, [])
    clock.pass_by(minutes=16)
    assert not canary.fly()
    assert canary.trouble()


def test_slack_away_is_told_and_the_dead_man_is_not_called_but_the_bot_stays_in_service(desk: Desk) -> None:
    def away() -> None:
        raise Temporary("Slack does not answer")

    canary = Canary(desk, lambda told: report(desk, told), EVERY, [], away, "http://127.0.0.1:9/never")
    assert not canary.fly()
    assert (canary.outside_trouble, canary.trouble()) == ("Slack does not answer", "")


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_a_clock_that_jumps_makes_it_neither_stale_nor_fresh(desk: Desk, clock: Clock, hours: int) -> None:
    canary = Canary(desk, lambda told: report(desk, told), EVERY, ["slack"])
    desk.rounds["slack"] = clock.monotonic()
    clock.jump(hours=hours)
    assert (canary.trouble(), canary.age()) == ("", 0.0)
    assert canary.fly()
    clock.pass_by(minutes=16)
    clock.jump(hours=-hours)
    assert "no canary came through for 960 s" in canary.trouble()


def test_a_dead_mans_url_that_cannot_be_is_a_line_of_the_log(desk: Desk) -> None:
    assert not Canary(desk, lambda told: report(desk, told), EVERY, [], None, "http://[").fly()
