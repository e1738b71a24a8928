"""Marks task instances, or a whole run, without running anything.

The list includes what Airflow does after a mark: what it runs again downstream, and what it stops or skips in the run.
If a whole run is marked, Airflow 3 ends what runs, skips what waits and leaves what has ended; Airflow 2 sets every
task instance of a run that is marked success. Before Airflow 2 sets anything, it compares the run with the DAG: it
restores a `removed` task instance if the DAG has the task, and removes one whose task the DAG has lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow, Run, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent, Refused
from bot.core.remediation import REMOVED, RUNS_AGAIN, Change, Plan, Surprise
from bot.responder.actions.draft import Action, Seen, Step, draw_up, quick
from bot.responder.services import Services

RUN_OF = "run of "
_AT_WORK = frozenset({"running", "deferred", "up_for_reschedule", "awaiting_input"})
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def plan_mark(
    services: Services, person: Person, deployment: str, refs: Sequence[TaskRef], state: str, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """Plans to set task instances to a state without running them; the run too, if nothing else in it failed."""
    by_run: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    for ref in refs:
        by_run.setdefault((ref.dag_id, ref.run_id), []).append((ref.task_id, ref.map_index))
    scopes = [Scope(dag, run, tuple(tasks), only_failed=False) for (dag, run), tasks in by_run.items()]
    return plan_mark_scopes(services, person, deployment, scopes, state, channel, incident_id, reason)


def plan_mark_scopes(
    services: Services, person: Person, deployment: str, scopes: Sequence[Scope], state: str, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """The same for scopes; an index of None stands for every index of the task."""
    options = {"state": state, "reason": reason}
    return draw_up(
        services, person, MARK, "mark", deployment, channel, incident_id=incident_id, scopes=scopes, options=options
    )


def plan_mark_run(
    services: Services,
    person: Person,
    deployment: str,
    dag_id: str,
    run_id: str,
    state: str,
    channel: str,
    reason: str = "",
) -> Plan | Refused:
    """Plans to set a run to success or failed, with what Airflow does to its unfinished task instances."""
    if state == "skipped":
        return Refused("A run can be marked success or failed; only a task instance can be skipped.", "")
    options = {"state": state, "reason": reason, "of": "run"}
    return draw_up(services, person, MARK, "mark", deployment, channel, scopes=[Scope(dag_id, run_id)], options=options)


def preview(airflow: Airflow, plan: Plan) -> Seen:
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
    """The task instances that the scope names; index None means every index. Raises Permanent if one does not exist."""
    wanted: set[TaskRef] = set()
    for task_id, index in scope.tasks:
        of_task = {i.ref for i in found if i.ref.task_id == task_id and (index is None or i.ref.map_index == index)}
        if not of_task:
            label = TaskRef(scope.dag_id, scope.run_id, task_id, -1 if index is None else index).label
            raise Permanent(f"{scope.dag_id} has no {label} in run {scope.run_id}", "404")
        wanted |= of_task
    return wanted


def _behind(airflow: Airflow, scope: Scope, marked: set[TaskRef]) -> list[Change]:
    """What Airflow runs again once these are marked: what failed or waits downstream of them."""
    named = tuple({(ref.task_id, None): None for ref in sorted(marked)})
    asked = Scope(scope.dag_id, scope.run_id, named, only_failed=True, downstream=True)
    tasks = {ref.task_id for ref in marked}
    found = [i for i in airflow.clear(asked, dry_run=True) if i.ref.task_id not in tasks]
    return [Change(i.ref.label, i.state, RUNS_AGAIN, scope.run_id, i.ref) for i in sorted(found, key=lambda i: i.ref)]


def _tidied(airflow: Airflow, scope: Scope, found: Sequence[TaskInstance], listed: set[TaskRef | None]) -> list[Change]:
    """What Airflow 2 also restores or removes in the run, without what is listed already."""
    if airflow.major != 2:
        return []
    run = airflow.run(scope.dag_id, scope.run_id)
    also = _restored(airflow, found, is_running=run is not None and run.state == "running")
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
        changes = _gone_over(changes, _restored(airflow, found, is_running=False))
    return [*changes, *([_run_line(run, state)] if run.state != state else [])]


def _gone_over(changes: Sequence[Change], also: Sequence[Change]) -> list[Change]:
    """Adds what Airflow 2 restores or removes. Task instances that the DAG has lost are removed whatever the run's
    mark; restored ones are set by the mark if it covers them."""
    lost = {change.ref for change in also if change.after == REMOVED}
    kept = [change for change in changes if change.ref not in lost]
    named = {change.ref for change in kept}
    return [*kept, *(change for change in also if change.ref not in named)]


def _becomes_2(instance: TaskInstance, state: str, busy: bool) -> str:  # noqa: ARG001 - same signature as Airflow 3's
    return state


def _becomes_3(instance: TaskInstance, state: str, busy: bool) -> str:
    """If one instance of a task is running, all of them are set; otherwise those that have not ended are skipped."""
    if busy:
        return state
    return instance.state if instance.state in _ENDED else "skipped"


def _run_line(run: Run, state: str) -> Change:
    return Change(f"{RUN_OF}{run.dag_id}", run.state, state, run.run_id)


def _set(instance: TaskInstance, state: str) -> Change:
    surprise = Surprise.running if instance.state in _AT_WORK else Surprise.none
    if instance.state == "success" and state != "success":
        surprise = Surprise.succeeded
    return Change(instance.ref.label, instance.state, state, instance.ref.run_id, instance.ref, surprise)


def _restored(airflow: Airflow, found: Sequence[TaskInstance], *, is_running: bool) -> list[Change]:
    """The task instances that Airflow 2 restores or removes when something in the run is marked; `is_running` says
    whether the run is running then. Airflow does not report how many indexes a mapped task should have, so an index
    counts as wanted if a higher one exists."""
    if airflow.major != 2 or not found:
        return []
    known = set(airflow.task_ids(found[0].ref.dag_id) or [])
    changes = [_restored_line(one, known, found, is_running) for one in sorted(found, key=lambda one: one.ref)]
    return [change for change in changes if change is not None]


def _restored_line(
    one: TaskInstance, known: set[str], found: Sequence[TaskInstance], is_running: bool
) -> Change | None:
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


def steps(_airflow: Airflow, plan: Plan) -> list[Step]:
    """One step for a whole run, else one per marked line. The run comes last, because its state follows its tasks'."""
    return [Step(plan.changes)] if plan.is_of_runs else [Step((change,)) for change in plan.marked]


def act(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:
    line = step.first
    if plan.is_of_runs:
        scope = plan.scopes[0]
        airflow.set_run_state(scope.dag_id, scope.run_id, str(plan.options["state"]), note=note)
    elif line.ref is not None:
        airflow.mark(line.ref, line.after, note=note)
    else:
        airflow.set_run_state(line.what.removeprefix(RUN_OF), line.run_id, line.after, note=note)
    return 0


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:
    line = step.first
    if line.ref is not None and not plan.is_of_runs:
        now = airflow.task_instance(line.ref)
        return now is not None and now.state == line.after
    dag_id = plan.scopes[0].dag_id if plan.is_of_runs else line.what.removeprefix(RUN_OF)
    run = airflow.run(dag_id, line.run_id)
    return run is not None and run.state == str(plan.options["state"])


def did(plan: Plan) -> str:
    state = plan.options.get("state")
    if plan.is_of_runs:
        return f"marked run {plan.scopes[0].run_id} {state}"
    return f"marked {', '.join([change.what for change in plan.marked if change.ref][:5])} {state}"


MARK = Action(quick(preview), act, is_done, did, steps)
