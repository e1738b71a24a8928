"""A check that still finds what it found: its sentence grows, and nothing else does."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import Severity
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.responder.signals.check_refresh import AT_ONCE
from bot.responder.signals.observe import report
from bot.store import incidents
from bot.store.tables import signals
from tests.given import Clock, some_services, told


def silent(clock: Clock, seconds: int, **changed: Any) -> Signal:
    told_as = {"severity": "warning", "facts": {"seconds": seconds}} | changed
    return told("check_failed", occurred_at=clock().isoformat(), sentence=f"silent for {seconds} s", **told_as)


def only(services: Services) -> Incident:
    with services.store.read() as t:
        (found,) = incidents.listed(t)
    return found


def noise(services: Services) -> tuple[int, int]:
    """Failures counted, lines in the timeline."""
    with services.store.read() as t:
        return incidents.counts(t, 1, services.clock()).failures, len(incidents.timeline(t, 1))


def test_the_sentence_and_the_figures_grow_without_a_second_failure_or_a_line(services: Services, clock: Clock) -> None:
    report(services, [silent(clock, 45)])
    version = only(services).version
    clock.pass_by(seconds=60)
    assert report(services, [silent(clock, 105)]) == []
    assert (only(services).exemplar.sentence, only(services).exemplar.extra["facts"]) == (
        "silent for 105 s",
        {"seconds": 105},
    )
    assert only(services).version == version + 1
    assert noise(services) == (1, 1)


def test_it_is_at_most_one_edit_a_minute(services: Services, clock: Clock) -> None:
    report(services, [silent(clock, 0)])
    first = only(services).version
    for second in range(5, 301, 5):
        clock.pass_by(seconds=5)
        report(services, [silent(clock, second)])
    assert 4 <= only(services).version - first <= 5
    assert noise(services) == (1, 1)


def test_a_sweep_that_runs_all_the_time_does_not_fill_the_store(services: Services, clock: Clock) -> None:
    for second in range(0, 120, 5):
        report(services, [silent(clock, second)])
        clock.pass_by(seconds=5)
    with services.store.read() as t:
        assert t.scalar(select(func.count()).select_from(signals)) in {2, 3}


def test_what_says_the_same_is_not_shown_again(services: Services, clock: Clock) -> None:
    report(services, [silent(clock, 45)])
    version = only(services).version
    clock.pass_by(minutes=3)
    report(services, [silent(clock, 45)])
    assert only(services).version == version


def test_a_finding_that_becomes_worse_is_news_and_one_that_becomes_milder_keeps_its_severity(
    services: Services, clock: Clock
) -> None:
    report(services, [silent(clock, 45)])
    clock.pass_by(minutes=1)
    report(services, [silent(clock, 105, severity="critical")])
    assert only(services).severity is Severity.critical
    clock.pass_by(minutes=1)
    report(services, [silent(clock, 50)])
    assert (only(services).severity, only(services).exemplar.sentence) == (Severity.critical, "silent for 50 s")


def test_what_is_over_stays_over(services: Services, clock: Clock) -> None:
    report(services, [silent(clock, 45), told("check_ok")])
    clock.pass_by(minutes=1)
    assert only(services).state is State.resolved


def test_hundreds_of_findings_are_brought_up_to_date_a_few_at_a_time(services: Services, clock: Clock) -> None:
    report(services, [silent(clock, 1, name=f"t{n}") for n in range(30)])
    seen = []
    for minute in (1, 2):
        clock.pass_by(minutes=1)
        report(services, [silent(clock, 60 * minute, name=f"t{n}") for n in range(30)])
        with services.store.read() as t:
            seen.append(sum(i.exemplar.sentence != "silent for 1 s" for i in incidents.listed(t)))
    assert seen == [AT_ONCE, 2 * AT_ONCE]


def test_the_same_on_postgresql(database: str) -> None:
    clock = Clock()
    services = some_services(database, clock)
    report(services, [silent(clock, 45)])
    clock.pass_by(minutes=1)
    report(services, [silent(clock, 105)])
    assert only(services).exemplar.sentence == "silent for 105 s"
    services.store.close()
