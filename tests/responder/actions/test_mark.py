"""What Airflow 2 restores and removes beside a mark is in the list that a person confirms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.remediation import REMOVED, RUNS_AGAIN, Plan
from bot.responder.actions import mark
from tests.given import ANA
from tests.responder.flows import RUN, Memory, memory, services_of


@dataclass
class Narrower(Memory):
    """The DAG has lost the task `old`."""

    def task_ids(self, dag_id: str) -> list[str] | None:
        del dag_id
        return ["extract", "load", "store", "back"]


def listed(airflow: Memory, folder: Path, scope: Scope, state: str) -> dict[str, str]:
    services = services_of(airflow, folder)
    plan = (
        mark.plan_mark_scopes(services, ANA, "prod", [scope], state, "C1")
        if scope.tasks
        else mark.plan_mark_run(services, ANA, "prod", "sales", RUN, state, "C1")
    )
    assert isinstance(plan, Plan), plan
    return {change.what: change.after for change in plan.changes}


def the_run(major: int) -> Memory:
    made = Narrower(**vars(memory(major=major, version=f"{major}.0", can_address_map_index=major > 2)))
    made.states |= {TaskRef("sales", RUN, "back"): "removed", TaskRef("sales", RUN, "old"): "success",
                    TaskRef("sales", RUN, "load", 1): "removed", TaskRef("sales", RUN, "load", 3): "removed"}  # fmt: skip
    return made


EXTRACT = Scope("sales", RUN, (("extract", None),))


def test_airflow_2_lists_what_comes_back_and_what_goes(tmp_path: Path) -> None:
    """Of the mapped task the last index may be too many by now: it stays removed."""
    found = listed(the_run(2), tmp_path, EXTRACT, "skipped")
    assert (found["extract"], found["back"], found["load[1]"]) == ("skipped", RUNS_AGAIN, RUNS_AGAIN)
    assert found["old"] == REMOVED
    assert "load[3]" not in found


@pytest.mark.parametrize("state", ["success", "failed"])
def test_so_does_the_mark_of_a_whole_run(tmp_path: Path, state: str) -> None:
    airflow = the_run(2)
    airflow.states[TaskRef("sales", RUN, "extract")] = "running"
    found = listed(airflow, tmp_path, Scope("sales", RUN), state)
    assert found["old"] == REMOVED
    assert found["back"] == ("success" if state == "success" else RUNS_AGAIN)


def test_what_airflow_does_by_itself_is_no_step_of_ours(tmp_path: Path) -> None:
    services = services_of(the_run(2), tmp_path)
    plan = mark.plan_mark_scopes(services, ANA, "prod", [EXTRACT], "skipped", "C1")
    assert isinstance(plan, Plan)
    assert [change.what for change in plan.marked] == ["extract"]


def test_airflow_3_touches_nothing_beside_it(tmp_path: Path) -> None:
    found = listed(the_run(3), tmp_path, EXTRACT, "skipped")
    assert not {"back", "old", "load[1]"} & found.keys()
