"""The end of a silence: what still fails pages then, unless another silence or window covers all of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.core.incidents.alert import Kind, page_word
from bot.core.incidents.incident import Incident
from bot.core.incidents.maintenance import Window
from bot.core.incidents.routing import Silence, matcher
from bot.responder.incidents.silences import end_old_silences, silence, unsilence
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import alerts, incidents
from tests.given import ANA, BEN, NOW, PAGED, Clock, failure, some_services


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 's.db'}", clock, pagers=PAGED)
    report(made, [failure(dag_id="payroll", tags=["critical"])])
    yield made
    made.store.close()


def only(services: Services) -> Incident:
    with services.store.read() as t:
        (found,) = incidents.listed(t)
    return found


def pages(services: Services) -> bool:
    """Whether PagerDuty is to hear of it now."""
    with services.store.read() as t:
        owed = [alert for alert in alerts.of_incident(t, 1) if alert.place.kind is Kind.pager]
    now = services.clock()
    return any(page_word(one, only(services)) == "trigger" and (one.due_at or now) <= now for one in owed)


def last_line(services: Services) -> str:
    with services.store.read() as t:
        return incidents.timeline(t, 1)[-1].text


def silenced(services: Services, scope: str, minutes: int) -> Silence:
    made = silence(services, ANA, scope, "prod", timedelta(minutes=minutes), "a migration")
    assert isinstance(made, Silence)
    return made


def ends(services: Services, clock: Clock, minutes: int) -> None:
    clock.pass_by(seconds=minutes * 60)
    end_old_silences(services)


def test_a_silence_that_ends_pages_for_what_still_fails(services: Services, clock: Clock) -> None:
    silenced(services, "dag:payroll", 8)
    assert not pages(services)
    ends(services, clock, 9)
    assert pages(services)
    assert last_line(services) == "The silence ended"


@pytest.mark.parametrize("order", [(8, 480), (480, 8)])
def test_the_longer_of_two_silences_keeps_it_quiet(services: Services, clock: Clock, order: tuple[int, int]) -> None:
    for minutes in order:
        silenced(services, "dag:payroll", minutes)
    ends(services, clock, 9)
    assert not pages(services)
    kept = only(services).silence
    assert kept is not None
    assert kept.until - NOW == timedelta(minutes=480)
    ends(services, clock, 480)
    assert pages(services)


def test_the_thread_says_which_silence_took_over(services: Services, clock: Clock) -> None:
    silenced(services, "dag:payroll", 480)
    silenced(services, "task:payroll.load", 8)
    ends(services, clock, 9)
    until = NOW + timedelta(minutes=480)
    assert last_line(services) == (
        f"The silence ended; the silence of Ana keeps it quiet until {until:%d %b %H:%M} UTC: a migration"
    )


def test_a_silence_of_some_of_it_does_not_take_over(services: Services, clock: Clock) -> None:
    report(services, [failure(dag_id="sales", tags=["critical"])])
    silenced(services, "dag:sales", 480)
    silenced(services, f"signature:{only(services).signature}", 8)
    ends(services, clock, 9)
    assert pages(services)


def test_a_maintenance_window_takes_over(tmp_path: Path, clock: Clock) -> None:
    def until(now: datetime) -> datetime | None:
        return NOW + timedelta(hours=2) if NOW + timedelta(minutes=1) < now < NOW + timedelta(hours=2) else None

    window = Window("upgrade", matcher({"dag": "payroll"}, "maintenance"), until, "a new metastore")
    services = some_services(f"sqlite:///{tmp_path / 'w.db'}", clock, pagers=PAGED, maintenance=(window,))
    report(services, [failure(dag_id="payroll", tags=["critical"])])
    silenced(services, "dag:payroll", 8)
    ends(services, clock, 9)
    assert not pages(services)
    assert "the maintenance window upgrade keeps it quiet" in last_line(services)
    ends(services, clock, 120)
    assert pages(services)
    assert last_line(services) == "The maintenance window ended; it is still broken"


def test_a_silence_that_a_person_ends_pages_for_what_still_fails(tmp_path: Path, clock: Clock) -> None:
    services = some_services(f"sqlite:///{tmp_path / 'p.db'}", clock, pagers=PAGED)
    made = silenced(services, "dag:payroll", 480)
    report(services, [failure(dag_id="payroll", tags=["critical"])])
    assert not pages(services)
    assert unsilence(services, BEN, made.id) is None
    assert pages(services)
    assert last_line(services) == "Ben ended the silence"


def test_of_two_silences_that_a_person_ends_the_other_one_keeps_it_quiet(services: Services) -> None:
    silenced(services, "dag:payroll", 480)
    second = silenced(services, "dag:pay*", 60)
    assert unsilence(services, BEN, second.id) is None
    assert not pages(services)
    assert last_line(services).startswith("Ben ended the silence; the silence of Ana keeps it quiet")
