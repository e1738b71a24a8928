"""Clears task instances so that they run again: those of an alert, named ones, or every run of a window.

Airflow 2 cannot address one mapped index, so the whole task is requested. It also lists running task instances but
leaves them alone. The preview says both. Each run is a separate scope, so that its exact list is shown and executed.
An answer can be lost, so a batch is read back by the note that it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from itertools import groupby

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow, Run, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.incident import Incident, State, Subject
from bot.core.remediation import Change, Plan, clear_changes
from bot.core.signals.signal import Family
from bot.responder.access.authorization import may
from bot.responder.actions.draft import (
    MOST_RUNS,
    PATIENCE,
    Action,
    Seen,
    Step,
    Window,
    audit,
    counted,
    draw_up,
)
from bot.responder.services import Services
from bot.store import incidents

AT_ONCE = 4  # runs that Airflow is asked about in parallel
LIST_SECONDS = 60.0
BATCH = 100  # task instances that one call clears
_RESTING = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})  # they change only on request


def plan_retry(services: Services, person: Person, incident_id: int, channel: str) -> Plan | Refused:
    """Plans to clear all task instances of an incident that still fail, and what waits for them."""
    refused = may(services, person, "clear", f"A-{incident_id}", incident_id)
    found = refused or _sick(services, incident_id)
    if isinstance(found, Refused):
        if refused is None:
            audit(services, person, "clear", f"A-{incident_id}", found.reason, allowed=True, incident_id=incident_id)
        return found
    incident, tasks = found
    scopes = scopes_of(tasks)
    if len(scopes) > MOST_RUNS:
        return Refused(f"{incident.name} touches {len(scopes)} runs; one confirmation takes at most {MOST_RUNS}.",
                       "clear DAG@RUN failed")  # fmt: skip
    return plan_clear(services, person, incident.deployment, scopes, channel, incident_id)


def sick_tasks(services: Services, incident_id: int) -> tuple[str, list[TaskRef]] | Refused:
    """The deployment, and the task instances of an incident that still fail."""
    found = _sick(services, incident_id)
    if isinstance(found, Refused):
        return found
    incident, tasks = found
    return incident.deployment, list(dict.fromkeys(subject.ref for subject in tasks))


def _sick(services: Services, incident_id: int) -> tuple[Incident, list[Subject]] | Refused:
    with services.store.read() as t:
        incident = incidents.get(t, incident_id)
        sick = incidents.subjects_of(t, incident_id, sick=True)
    if incident is None:
        return Refused(f"There is no alert A-{incident_id}.", "open")
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved; nothing of it is left to retry.", f"reopen {incident.name}")
    tasks = [subject for subject in sick if subject.family is Family.task]
    if not tasks:
        return Refused(
            f"{incident.name} is about no task instance, so there is nothing to clear or mark.",
            f"runbook {incident.name}",
        )
    return incident, tasks


def plan_clear(
    services: Services,
    person: Person,
    deployment: str,
    scopes: Sequence[Scope],
    channel: str,
    incident_id: int | None = None,
) -> Plan | Refused:
    """Plans to clear these scopes."""
    return draw_up(services, person, CLEAR, "clear", deployment, channel, incident_id=incident_id, scopes=scopes)


def runs_within(airflow: Airflow, dag_id: str, window: Window) -> list[Run] | Refused:
    """The runs of a window, oldest first; Refused when there are none or too many."""
    try:
        with airflow.within(PATIENCE):
            found = airflow.runs(dag_id, limit=MOST_RUNS + 1, since=window.start, until=window.end)
    except (Temporary, Permanent) as error:
        return Refused(f"{error.message}", "status")
    if not found:
        return Refused(f"`{dag_id}` has no run from {window}.", f"runs {dag_id}")
    if len(found) > MOST_RUNS:
        return Refused(
            f"`{dag_id}` has more than {MOST_RUNS} runs from {window}; one confirmation takes at most {MOST_RUNS}.",
            "",
        )
    return found[::-1]


def scopes_of(tasks: Sequence[Subject]) -> tuple[Scope, ...]:
    """One scope per run: the failed ones by name and index, and what failed or waits downstream of them."""
    by_run: dict[tuple[str, str], dict[tuple[str, int | None], None]] = {}
    for subject in tasks:
        index = subject.map_index if subject.map_index >= 0 else None
        by_run.setdefault((subject.dag_id, subject.run_id), {})[subject.task_id, index] = None
    return tuple(
        Scope(dag, run, tuple(named), only_failed=True, downstream=True) for (dag, run), named in by_run.items()
    )


def preview(airflow: Airflow, plan: Plan, seconds: float, long: float) -> Seen:
    with airflow.within(seconds):  # asked first, so that no one waits long for an Airflow that doesn't answer
        paused = _paused(airflow, plan.scopes)
    found = _would_clear(airflow, plan.scopes, long)
    changes = _lines(airflow, plan.scopes, found)
    left = _left_alone(airflow, found)
    warnings = [left, _other_runs(changes), _whole_task(airflow, plan.scopes), paused]
    return Seen(changes, tuple(warning for warning in warnings if warning), left)


def _left_alone(airflow: Airflow, found: Sequence[TaskInstance]) -> str:
    """The warning that 2.x lists running task instances in a dry run but does not clear them; empty if none run."""
    running = [instance.ref.label for instance in found if not _is_taken(airflow, instance)]
    if not running:
        return ""
    more = f" and {len(running) - 3} more" if len(running) > 3 else ""
    names = ", ".join(running[:3]) + more
    verb = "is" if len(running) == 1 else "are"
    return (
        f"{names} {verb} running, and Airflow {airflow.version} stops nothing that runs when it is cleared: left as it is "
        "(mark it failed first)"
    )


def _other_runs(changes: Sequence[Change]) -> str:
    runs = len({(change.ref.dag_id, change.run_id) for change in changes if change.ref})
    return f"{runs} runs are touched" if runs > 1 else ""


def _whole_task(airflow: Airflow, scopes: Sequence[Scope]) -> str:
    """The warning that 2.x cannot address one mapped index; empty if it does not apply."""
    one = next((f"{task}[{index}]" for s in scopes for task, index in s.tasks if index is not None and index >= 0), "")
    if not one or airflow.can_address_map_index:
        return ""
    return (
        f"Airflow {airflow.version} cannot clear {one} by itself: it takes every index of the task that is listed here"
    )


def _paused(airflow: Airflow, scopes: Sequence[Scope]) -> str:
    """The warning that a paused DAG runs nothing until it is unpaused; empty if it does not apply."""
    dag_ids = list(dict.fromkeys(scope.dag_id for scope in scopes))
    dag = airflow.dag(dag_ids[0])
    if len(dag_ids) > 1 or dag is None or not dag.is_paused:
        return ""
    return f"{dag.dag_id} is paused: nothing of it runs until it is unpaused"


def dry_clear(airflow: Airflow, scopes: Sequence[Scope], seconds: float = LIST_SECONDS) -> tuple[Change, ...]:
    """The lines of a clear, from one dry run per DAG run; `seconds` limits all of them together."""
    return _lines(airflow, scopes, _would_clear(airflow, scopes, seconds))


def _lines(airflow: Airflow, scopes: Sequence[Scope], found: Sequence[TaskInstance]) -> tuple[Change, ...]:
    taken = [instance for instance in found if _is_taken(airflow, instance)]
    return clear_changes(taken, _named(scopes, taken))


def _is_taken(airflow: Airflow, instance: TaskInstance) -> bool:
    return instance.state != "running" or airflow.clear_stops_running


def _would_clear(airflow: Airflow, scopes: Sequence[Scope], seconds: float) -> list[TaskInstance]:
    """The task instances that Airflow lists in a dry run."""

    def ask(scope: Scope) -> list[TaskInstance]:
        return airflow.clear(_addressable(airflow, scope), dry_run=True)

    with airflow.within(seconds):
        if len(scopes) == 1:
            found = [ask(scopes[0])]
        else:  # the deadline is in this thread's context; each worker thread gets a copy
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                asked = [pool.submit(copy_context().run, ask, scope) for scope in scopes]
                found = [one.result() for one in asked]
    return list({instance.ref: instance for some in found for instance in some}.values())


def _addressable(airflow: Airflow, scope: Scope) -> Scope:
    """2.x cannot address one mapped index, so the whole task is requested; the preview shows what that means."""
    if airflow.can_address_map_index:
        return scope
    return replace(scope, tasks=tuple(dict.fromkeys((task, None) for task, _ in scope.tasks)))


def _named(scopes: Sequence[Scope], found: Sequence[TaskInstance]) -> set[TaskRef]:
    """The task instances that were requested by name, without those that come with them or with a whole run."""
    exact = {(s.dag_id, s.run_id, task, index) for s in scopes for task, index in s.tasks if index is not None}
    whole = {(s.dag_id, s.run_id, task) for s in scopes for task, index in s.tasks if index is None}
    return {
        instance.ref for instance in found
        if (ref := instance.ref) and ((ref.dag_id, ref.run_id, ref.task_id, ref.map_index) in exact
            or (ref.dag_id, ref.run_id, ref.task_id) in whole)
    }  # fmt: skip


def steps(airflow: Airflow, plan: Plan) -> list[Step]:
    return [Step(tuple(batch)) for batch in _batches(airflow, plan)]


def _batches(airflow: Airflow, plan: Plan) -> Iterator[list[Change]]:
    """Batches of one run each. Where an index cannot be named, the indexes of a task stay together."""
    listed = sorted((change for change in plan.changes if change.ref), key=lambda c: (c.ref is None, c.ref))
    by_run = [list(group) for _, group in groupby(listed, lambda c: (c.ref.dag_id, c.ref.run_id) if c.ref else None)]
    for of_run in by_run:
        batch: list[Change] = []
        pieces = [[c] for c in of_run] if airflow.can_address_map_index else _by_task(of_run)
        for piece in pieces:
            if batch and len(batch) + len(piece) > BATCH:
                yield batch
                batch = []
            batch += piece
        yield batch


def _by_task(changes: list[Change]) -> list[list[Change]]:
    return [list(group) for _, group in groupby(changes, lambda c: c.ref.task_id if c.ref else "")]


def explicit_scope(airflow: Airflow, plan: Plan, step: Step) -> Scope:
    """The step's list by name, with nothing that could add to it."""
    by_index = airflow.can_address_map_index
    named = {(ref.task_id, ref.map_index if ref.map_index >= 0 and by_index else None): None for ref in step.refs}
    # where an index cannot be named, only `only_failed` keeps its successful neighbours out
    only_failed = not by_index and all(scope.only_failed for scope in plan.scopes)
    return Scope(step.refs[0].dag_id, step.refs[0].run_id, tuple(named), only_failed=only_failed)


def act(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:
    airflow.clear(explicit_scope(airflow, plan, step), dry_run=False, note=note)
    return 0


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether a batch was cleared; Airflow clears all of it or nothing. Running and waiting task instances change state
    anyway, so they count only if there is no other evidence. If one of many ended differently, a person marked it."""
    before = {change.ref: change.before for change in step.changes}
    found = _now(airflow, step)
    telling = [i for i in found if before[i.ref] in _RESTING] or found
    other = [i for i in telling if i.state != before[i.ref]]
    at_work = any(i.state not in _RESTING for i in other)
    return any(plan.id in i.note for i in found) or at_work or (bool(other) and len(other) == len(telling))


def is_overtaken(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether another person has changed part of a batch since the list was compared. Raises Temporary or Permanent."""
    if plan.action != "clear":
        return False
    before = {change.ref: change.before for change in step.changes}
    return any(before[i.ref] in _RESTING and i.state != before[i.ref] for i in _now(airflow, step))


def _now(airflow: Airflow, step: Step) -> list[TaskInstance]:
    """A batch's task instances as they are now; a batch belongs to one run."""
    wanted = set(step.refs)
    return [i for i in airflow.task_instances(step.refs[0].dag_id, step.refs[0].run_id) if i.ref in wanted]


def did(plan: Plan) -> str:
    return f"cleared {counted(len(plan.changes), 'task instance')} of {', '.join(plan.dag_ids[:3])}"


CLEAR = Action(preview, act, is_done, did, steps, "Nothing there is failed any more, so there is nothing to clear.")
