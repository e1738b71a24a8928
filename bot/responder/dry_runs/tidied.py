"""What Airflow 2 does beside a mark: before it sets anything, it goes over the whole run and compares it with the DAG.

Hard cases: `removed` comes back wherever the DAG has the task (a deploy that lost a task, and was mended); what the DAG has
lost meanwhile becomes `removed`. Airflow does not say how many indexes a mapped task should have, so an index counts as wanted
where a higher one is there. Rule: whoever confirms a mark has seen these lines; Airflow 3 has none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.airflow.protocol import Airflow, TaskInstance
from bot.core.remediation import REMOVED, RUNS_AGAIN, Change


def lines(airflow: Airflow, found: Sequence[TaskInstance], *, is_running: bool) -> list[Change]:
    """The task instances of one run that a mark in it restores or removes; `is_running` is what the run is then."""
    if airflow.major != 2 or not found:
        return []
    known = set(airflow.task_ids(found[0].ref.dag_id) or [])
    changes = [_line(one, known, found, is_running) for one in sorted(found, key=lambda one: one.ref)]
    return [change for change in changes if change is not None]


def _line(one: TaskInstance, known: set[str], found: Sequence[TaskInstance], is_running: bool) -> Change | None:
    if one.state == REMOVED and one.ref.task_id in known and _is_wanted(one, found):
        return Change(one.ref.label, one.state, RUNS_AGAIN, one.ref.run_id, one.ref)
    if known and one.state != REMOVED and one.ref.task_id not in known and not is_running:
        return Change(one.ref.label, one.state, REMOVED, one.ref.run_id, one.ref)
    return None


def _is_wanted(one: TaskInstance, found: Sequence[TaskInstance]) -> bool:
    of_task = [other for other in found if other.ref.task_id == one.ref.task_id and other.ref != one.ref]
    if one.ref.map_index < 0:
        return not of_task
    return any(other.ref.map_index > one.ref.map_index and other.state != REMOVED for other in of_task)
