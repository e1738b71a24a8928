"""A pause with an end ends on time, also when Airflow was away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.responder.actions import dags
from bot.responder.remediation import carry_out
from bot.store import remediations
from tests.responder.flows import (
    ANA,
    AWAY,
    confirmed,
    memory,
    planned,
    services_of,
)


def test_a_pause_with_an_end_ends_by_itself_also_when_airflow_was_away(tmp_path: Path) -> None:
    from bot.responder.remediation import timed_pauses

    airflow = memory()
    services = services_of(airflow, tmp_path)
    now = services.clock()
    services.clock = lambda: now
    plan = planned(dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1", lasts=timedelta(hours=2)))
    assert "unpaused by itself at" in plan.warnings[0]
    carry_out.carry_on(services, confirmed(services, plan), lambda _: None)
    assert airflow.paused == {"sales": True}
    timed_pauses.end_pauses(services)
    now += timedelta(hours=2, seconds=1)
    airflow.away = AWAY
    timed_pauses.end_pauses(services)
    airflow.away = None
    timed_pauses.end_pauses(services)
    timed_pauses.end_pauses(services)
    with services.store.read() as t:
        (due,) = remediations.due(t, now)
    assert due.person.name == "Windsock"
    assert due.plan.channel == "C1"
    carry_out.carry_on(services, due, lambda _: None)
    assert airflow.paused == {"sales": False}
    now += timedelta(minutes=5)
    timed_pauses.end_pauses(services)
    assert [call[0] for call in airflow.calls] == ["pause", "unpause"]
