"""What runs on Airflow 2 when something is cleared: its API names it in the answer and leaves it alone (seen on 2.11.2: the
clear changes rows of a session that is closed, and only what is not running is merged into the one that is committed)."""

from __future__ import annotations

from pathlib import Path

from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.errors import Refused
from bot.core.remediation import Plan, Progress, Remediation
from bot.responder.actions import clear
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from tests.responder.flows import ANA, RUN, Memory, memory, services_of

FIRST = TaskRef("sales", RUN, "load", 0)


def two(running: TaskRef) -> Memory:
    airflow = memory(
        major=2, version="2.11.2", can_address_map_index=False, clear_stops_running=False, has_backfill=False
    )
    airflow.states[running] = "running"
    return airflow


def asked(services: Services, *tasks: str) -> Plan | Refused:
    named = tuple((task, None) for task in tasks)
    return clear.plan_clear(services, ANA, "prod", [Scope("sales", RUN, named, only_failed=False)], "C1")


def test_it_is_said_and_not_listed_and_the_rest_is_cleared(tmp_path: Path) -> None:
    airflow = two(FIRST)
    services = services_of(airflow, tmp_path)
    plan = asked(services, "load")
    assert isinstance(plan, Plan)
    assert [change.what for change in plan.changes] == ["load[1]", "load[2]"]
    assert plan.warnings[0].startswith("load[0] is running, and Airflow 2.11.2 stops nothing that runs")
    remediation = plans.confirm(services, ANA, plan.id)
    assert isinstance(remediation, Remediation)
    assert carry_out.carry_on(services, remediation, lambda _: None).progress is Progress.watching
    assert [airflow.states[TaskRef("sales", RUN, "load", index)] for index in range(3)] == ["running", "none", "none"]


def test_alone_it_is_refused_with_what_helps(tmp_path: Path) -> None:
    refused = asked(services_of(two(TaskRef("sales", RUN, "extract")), tmp_path), "extract")
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("extract is running")
    assert "mark it failed first" in refused.reason


def test_airflow_3_stops_it(tmp_path: Path) -> None:
    airflow = memory()
    airflow.states[FIRST] = "running"
    plan = asked(services_of(airflow, tmp_path), "load")
    assert isinstance(plan, Plan)
    assert plan.changes[0].after == "stopped, runs again"
