"""Marking task instances, or a whole run, without running anything.

Rule: what Airflow does by itself after a mark (what it runs again, what it stops or skips in the run) is in the list too.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.access import Person
from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.plans.draft import UNCONFIRMED, draw_up
from bot.responder.services import Desk


def plan_mark(
    desk: Desk, person: Person, deployment: str, refs: Sequence[TaskRef], state: str, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """Set task instances to a state without running them; the run too, where that was all that failed in it."""
    by_run: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    for ref in refs:
        by_run.setdefault((ref.dag_id, ref.run_id), []).append((ref.task_id, ref.map_index))
    scopes = [Scope(dag, run, tuple(tasks), only_failed=False) for (dag, run), tasks in by_run.items()]
    return plan_mark_scopes(desk, person, deployment, scopes, state, channel, incident_id, reason)


def plan_mark_scopes(
    desk: Desk, person: Person, deployment: str, scopes: Sequence[Scope], state: str, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """The same for scopes: an index that is None stands for every index of the task."""
    options = {"state": state, "reason": reason}
    return draw_up(desk, person, "mark", deployment, channel, incident_id=incident_id, scopes=scopes, options=options)


def plan_mark_run(
    desk: Desk, person: Person, deployment: str, dag_id: str, run_id: str, state: str, channel: str, reason: str = ""
) -> Plan | Refused:
    """Set a run to success or failed, with what Airflow does to its unfinished task instances."""
    if state == "skipped":
        return Refused(f"{UNCONFIRMED} A run can be marked success or failed; only a task instance can be skipped.", "")
    options = {"state": state, "reason": reason, "of": "run"}
    return draw_up(desk, person, "mark", deployment, channel, scopes=[Scope(dag_id, run_id)], options=options)
