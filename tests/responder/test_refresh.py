"""A check that still finds what it found: its sentence grows, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import Severity
from bot.core.signals.signal import Signal
from bot.responder.services import Desk
from bot.responder.signals.check_refresh import AT_ONCE
from bot.responder.signals.observe import report
from bot.store import incidents
from bot.store.tables import signals
from tests.given import Clock, a_desk, told


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    made = a_desk(f"sqlite:///{tmp_path / 'store.db'}", clock)
    yield made
    made.store.close()


def silent(clock: Clock, seconds: int, **changed: Any) -> Signal:
    told_as = {"severity": "warning", "facts": {"seconds": seconds}} | changed
    return told("check_failed", occurred_at=clock().isoformat(), sentence=f"silent for {seconds} s", **told_as)


def only(desk: Desk) -> Incident:
    with desk.store.read() as t:
        (found,) = incidents.listed(t)
    return found


def noise(desk: Desk) -> tuple[int, int]:
    """Failures counted, lines in the timeline."""
    with desk.store.read() as t:
        return incidents.counts(t, 1, desk.clock()).failures, len(incidents.timeline(t, 1))


def test_the_sentence_and_the_figures_grow_without_a_second_failure_or_a_line(desk: Desk, clock: Clock) -> None:
    report(desk, [silent(clock, 45)])
    version = only(desk).version
    clock.pass_by(seconds=60)
    assert report(desk, [silent(clock, 105)]) == []
    assert (only(desk).exemplar.sentence, only(desk).exemplar.extra["facts"]) == ("silent for 105 s", {"seconds": 105})
    assert only(desk).version == version + 1
    assert noise(desk) == (1, 1)


def test_it_is_at_most_one_edit_a_minute(desk: Desk, clock: Clock) -> None:
    report(desk, [silent(clock, 0)])
    first = only(desk).version
    for second in range(5, 301, 5):
        clock.pass_by(seconds=5)
        report(desk, [silent(clock, second)])
    assert 4 <= only(desk).version - first <= 5
    assert noise(desk) == (1, 1)


def test_a_sweep_that_runs_all_the_time_does_not_fill_the_store(desk: Desk, clock: Clock) -> None:
    for second in range(0, 120, 5):
        report(desk, [silent(clock, second)])
        clock.pass_by(seconds=5)
    with desk.store.read() as t:
        assert t.scalar(select(func.count()).select_from(signals)) in {2, 3}


def test_what_says_the_same_is_not_shown_again(desk: Desk, clock: Clock) -> None:
    report(desk, [silent(clock, 45)])
    version = only(desk).version
    clock.pass_by(minutes=3)
    report(desk, [silent(clock, 45)])
    assert only(desk).version == version


def test_a_finding_that_becomes_worse_is_news_and_one_that_becomes_milder_keeps_its_severity(
    desk: Desk, clock: Clock
) -> None:
    report(desk, [silent(clock, 45)])
    clock.pass_by(minutes=1)
    report(desk, [silent(clock, 105, severity="critical")])
    assert only(desk).severity is Severity.critical
    clock.pass_by(minutes=1)
    report(desk, [silent(clock, 50)])
    assert (only(desk).severity, only(desk).exemplar.sentence) == (Severity.critical, "silent for 50 s")


def test_what_is_over_stays_over(desk: Desk, clock: Clock) -> None:
    report(desk, [silent(clock, 45), told("check_ok")])
    clock.pass_by(minutes=1)
    assert only(desk).state is State.resolved


def test_hundreds_of_findings_are_brought_up_to_date_a_few_at_a_time(desk: Desk, clock: Clock) -> None:
    report(desk, [silent(clock, 1, name=f"t{n}") for n in range(30)])
    seen = []
    for minute in (1, 2):
        clock.pass_by(minutes=1)
        report(desk, [silent(clock, 60 * minute, name=f"t{n}") for n in range(30)])
        with desk.store.read() as t:
            seen.append(sum(i.exemplar.sentence != "silent for 1 s" for i in incidents.listed(t)))
    assert seen == [AT_ONCE, 2 * AT_ONCE]


def test_the_same_on_postgresql(database: str) -> None:
    clock = Clock()
    desk = a_desk(database, clock)
    report(desk, [silent(clock, 45)])
    clock.pass_by(minutes=1)
    report(desk, [silent(clock, 105)])
    assert only(desk).exemplar.sentence == "silent for 105 s"
    desk.store.close()
