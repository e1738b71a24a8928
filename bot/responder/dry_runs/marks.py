"""What a mark would touch: the task instances, what Airflow runs again behind them, the run where that ends it.

Hard case: marking a whole run. Airflow 3 ends what runs and skips what waits, and leaves what has ended; Airflow 2 sets
every task instance of a run that is marked success. Rule: whatever Airflow will do of itself is in the list too.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.airflow.protocol import Airflow, Run, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent
from bot.core.remediation import REMOVED, RUNS_AGAIN, Change, Plan, Surprise
from bot.responder.dry_runs import tidied
from bot.responder.dry_runs.seen import Seen

_AT_WORK = frozenset({"running", "deferred", "up_for_reschedule", "awaiting_input"})
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def look(airflow: Airflow, plan: Plan) -> Seen:
    """The lines of a mark. Raises Temporary or Permanent."""
    state = str(plan.options["state"])
    changes: list[Change] = []
    for scope in plan.scopes:
        changes += _of_run(airflow, scope, state) if not scope.tasks else _of_tasks(airflow, scope, state)
    return Seen(tuple(changes))


def _of_tasks(airflow: Airflow, scope: Scope, state: str) -> list[Change]:
    found = airflow.task_instances(scope.dag_id, scope.run_id)
    wanted = _wanted(scope, found)
    changes = [_set(i, state) for i in found if i.ref in wanted and i.state != state]
    if not changes:
        return []
    behind = _behind(airflow, scope, {change.ref for change in changes if change.ref})
    behind += _tidied(airflow, scope, found, {change.ref for change in (*changes, *behind)})
    again = {change.ref for change in behind}
    left = [i for i in found if i.ref not in wanted | again and i.state in {"failed", "upstream_failed"}]
    run = airflow.run(scope.dag_id, scope.run_id)
    if state == "success" and run and run.state == "failed" and not (left or behind):
        return [*changes, _run_line(run, "success")]
    return [*changes, *behind]


def _wanted(scope: Scope, found: Sequence[TaskInstance]) -> set[TaskRef]:
    """The task instances that the scope names; an index that is None is every index."""
    wanted: set[TaskRef] = set()
    for task_id, index in scope.tasks:
        of_task = {i.ref for i in found if i.ref.task_id == task_id and (index is None or i.ref.map_index == index)}
        if not of_task:
            label = TaskRef(scope.dag_id, scope.run_id, task_id, -1 if index is None else index).label
            raise Permanent(f"{scope.dag_id} has no {label} in run {scope.run_id}", "404")
        wanted |= of_task
    return wanted


def _behind(airflow: Airflow, scope: Scope, marked: set[TaskRef]) -> list[Change]:
    """What Airflow runs again by itself once these are marked: what failed or waits behind them."""
    named = tuple({(ref.task_id, None): None for ref in sorted(marked)})
    asked = Scope(scope.dag_id, scope.run_id, named, only_failed=True, downstream=True)
    tasks = {ref.task_id for ref in marked}
    found = [i for i in airflow.clear(asked, dry_run=True) if i.ref.task_id not in tasks]
    return [Change(i.ref.label, i.state, RUNS_AGAIN, scope.run_id, i.ref) for i in sorted(found, key=lambda i: i.ref)]


def _tidied(airflow: Airflow, scope: Scope, found: Sequence[TaskInstance], listed: set[TaskRef | None]) -> list[Change]:
    """What Airflow 2 restores or removes in the run, beyond what is listed already."""
    if airflow.major != 2:
        return []
    run = airflow.run(scope.dag_id, scope.run_id)
    also = tidied.lines(airflow, found, is_running=run is not None and run.state == "running")
    return [change for change in also if change.ref not in listed]


def _of_run(airflow: Airflow, scope: Scope, state: str) -> list[Change]:
    run = airflow.run(scope.dag_id, scope.run_id)
    if run is None:
        raise Permanent(f"{scope.dag_id} has no run {scope.run_id}", "404")
    found = airflow.task_instances(scope.dag_id, scope.run_id)
    becomes = _becomes_2 if airflow.major == 2 and state == "success" else _becomes_3
    busy = {i.ref.task_id for i in found if i.state in _AT_WORK}
    sets = [(i, becomes(i, state, i.ref.task_id in busy)) for i in found]
    changes = [_set(i, after) for i, after in sorted(sets, key=lambda pair: pair[0].ref) if after != i.state]
    if state == "success" or busy:
        changes = _gone_over(changes, tidied.lines(airflow, found, is_running=False))
    return [*changes, *([_run_line(run, state)] if run.state != state else [])]


def _gone_over(changes: Sequence[Change], also: Sequence[Change]) -> list[Change]:
    """What the DAG has lost is removed whatever the run is marked; what is restored is marked where the run's mark takes it."""
    lost = {change.ref for change in also if change.after == REMOVED}
    kept = [change for change in changes if change.ref not in lost]
    named = {change.ref for change in kept}
    return [*kept, *(change for change in also if change.ref not in named)]


def _becomes_2(instance: TaskInstance, state: str, busy: bool) -> str:  # noqa: ARG001 - the same shape as Airflow 3's
    return state


def _becomes_3(instance: TaskInstance, state: str, busy: bool) -> str:
    """A task with one instance at work is set as a whole; of the others, what has not ended is skipped."""
    if busy:
        return state
    return instance.state if instance.state in _ENDED else "skipped"


def _run_line(run: Run, state: str) -> Change:
    return Change(f"run of {run.dag_id}", run.state, state, run.run_id)


def _set(instance: TaskInstance, state: str) -> Change:
    surprise = Surprise.running if instance.state in _AT_WORK else Surprise.none
    if instance.state == "success" and state != "success":
        surprise = Surprise.succeeded
    return Change(instance.ref.label, instance.state, state, instance.ref.run_id, instance.ref, surprise)
