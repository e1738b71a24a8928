"""Executing a plan in Airflow: its steps, one call or one batch each, and reading back whether one was done.

Hard case: an answer that was lost, or a death in between. Every step can be read back by itself: by the note that it leaves
in Airflow, by a run id that is made of the plan's, by the state that it sets. Rule: what is asked of Airflow is the plan's
list, by name, with nothing that could bring in more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from bot.core.airflow.protocol import Airflow, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent, Temporary
from bot.core.remediation import Change, Plan
from bot.responder.dry_runs.backfills import run_id_of as backfill_run_id

BATCH = 100  # task instances that one call clears
RUN_OF = "run of "
_RESTING = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})  # nothing leaves these by itself


@dataclass(frozen=True, slots=True)
class Step:
    """What one call does: these lines of the plan."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        return self.changes[0]

    @property
    def refs(self) -> list[TaskRef]:
        return [change.ref for change in self.changes if change.ref is not None]


def steps_of(airflow: Airflow, plan: Plan) -> list[Step]:
    """The steps of a plan, always the same for the same plan: a crash in between is carried on by their number."""
    match plan.action:
        case "clear":
            return [Step(tuple(batch)) for batch in _batches(airflow, plan)]
        case "mark" if plan.is_of_runs:
            return [Step(plan.changes)]
        case "mark":  # the run itself comes last in a plan: its state follows its tasks'
            return [Step((change,)) for change in plan.marked]
        case "backfill" if airflow.has_backfill:
            return [Step(plan.changes)]
        case _:
            return [Step((change,)) for change in plan.changes]


def _batches(airflow: Airflow, plan: Plan) -> Iterator[list[Change]]:
    """Of one run each. Where an index cannot be named, the indexes of a task stay together."""
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
    """The step's list by name, with nothing that could bring in more."""
    by_index = airflow.can_address_map_index
    named = {(ref.task_id, ref.map_index if ref.map_index >= 0 and by_index else None): None for ref in step.refs}
    # where an index cannot be named, "failed ones only" is what keeps its well neighbours out
    only_failed = not by_index and all(scope.only_failed for scope in plan.scopes)
    return Scope(step.refs[0].dag_id, step.refs[0].run_id, tuple(named), only_failed=only_failed)


def note_of(plan: Plan) -> str:
    """What Airflow is told to remember: who really asked. The plan's id in it is how a step is found again."""
    about = f", A-{plan.incident_id}" if plan.incident_id else ""
    reason = str(plan.options.get("reason") or "")
    return f"{plan.action} by {plan.person.name} through Windsock ({plan.id}{about})" + (
        f": {reason}" if reason else ""
    )


def act(airflow: Airflow, plan: Plan, step: Step) -> int:
    """Does one step; returns the id of the backfill that Airflow began, else 0. Raises Temporary or Permanent."""
    said, line = note_of(plan), step.first
    match plan.action:
        case "clear":
            airflow.clear(explicit_scope(airflow, plan, step), dry_run=False, note=said)
        case "mark" if plan.is_of_runs:
            scope = plan.scopes[0]
            airflow.set_run_state(scope.dag_id, scope.run_id, str(plan.options["state"]), note=said)
        case "mark" if line.ref is not None:
            airflow.mark(line.ref, line.after, note=said)
        case "mark":
            airflow.set_run_state(line.what.removeprefix(RUN_OF), line.run_id, line.after, note=said)
        case "pause" | "unpause":
            airflow.pause(line.what, plan.action == "pause")
        case "trigger":
            airflow.trigger(line.what, run_id_of(plan), plan.options.get("conf") or {}, note=said)
        case "backfill":
            return _backfill(airflow, plan, line, said)
        case "variable":
            airflow.set_variable(str(plan.options["key"]), str(plan.options["value"]))
    return 0


def _backfill(airflow: Airflow, plan: Plan, line: Change, said: str) -> int:
    (dag_id,) = plan.dag_ids
    if not airflow.has_backfill:
        date = datetime.fromisoformat(line.what)
        if line.run_id:
            airflow.clear(Scope(dag_id, line.run_id, only_failed=line.before == "failed"), dry_run=False, note=said)
        else:
            airflow.trigger(dag_id, backfill_run_id(date), {}, note=said, logical_date=date)
        return 0
    dates = sorted(datetime.fromisoformat(change.what) for change in plan.changes)
    begun = airflow.backfill(dag_id, dates[0], dates[-1], rerun=str(plan.options["rerun"]))
    for run_id in begun.run_ids or tuple(date.run_id for date in begun.dates):
        try:  # the backfill has begun: a note that cannot be written must not make it look as if it had not
            airflow.set_run_note(dag_id, run_id, said)
        except (Temporary, Permanent):
            break
    return begun.id or 0


def run_id_of(plan: Plan) -> str:
    """The run id that triggering this plan gives: always the same, so that trying again starts no second run."""
    return f"slack__{plan.created_at:%Y-%m-%dT%H:%M:%S+00:00}_{plan.id.removeprefix('P-')[:8]}"


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether Airflow carries the mark of this step. Raises Temporary or Permanent."""
    line = step.first
    match plan.action:
        case "clear":
            return _is_cleared(airflow, plan, step)
        case "mark":
            return _is_marked(airflow, plan, step)
        case "pause" | "unpause":
            dag = airflow.dag(line.what)
            return dag is not None and dag.is_paused is (plan.action == "pause")
        case "trigger":
            return airflow.run(line.what, run_id_of(plan)) is not None
        case "backfill":
            return _is_backfilled(airflow, plan, step)
        case _:
            there = airflow.variable(str(plan.options["key"]))
            return there is not None and there.value == str(plan.options["value"])


def _is_marked(airflow: Airflow, plan: Plan, step: Step) -> bool:
    line = step.first
    if line.ref is not None and not plan.is_of_runs:
        now = airflow.task_instance(line.ref)
        return now is not None and now.state == line.after
    dag_id = plan.scopes[0].dag_id if plan.is_of_runs else line.what.removeprefix(RUN_OF)
    run = airflow.run(dag_id, line.run_id)
    return run is not None and run.state == str(plan.options["state"])


def _is_cleared(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """A batch is cleared as a whole or not at all. What runs or waits goes on by itself, so its state tells something only
    where there is nothing else to tell; and one of many that has ended otherwise was marked by somebody."""
    before = {change.ref: change.before for change in step.changes}
    found = _now(airflow, step)
    telling = [i for i in found if before[i.ref] in _RESTING] or found
    other = [i for i in telling if i.state != before[i.ref]]
    at_work = any(i.state not in _RESTING for i in other)
    return any(plan.id in i.note for i in found) or at_work or (bool(other) and len(other) == len(telling))


def is_overtaken(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether somebody else has changed something of a batch since the list was compared. Raises Temporary or Permanent."""
    if plan.action != "clear":
        return False
    before = {change.ref: change.before for change in step.changes}
    return any(before[i.ref] in _RESTING and i.state != before[i.ref] for i in _now(airflow, step))


def _now(airflow: Airflow, step: Step) -> list[TaskInstance]:
    """A batch's task instances as they are now; a batch is of one run."""
    wanted = set(step.refs)
    return [i for i in airflow.task_instances(step.refs[0].dag_id, step.refs[0].run_id) if i.ref in wanted]


def _is_backfilled(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether a date that had no run has one, or a run that was ended is ended no more."""
    (dag_id,) = plan.dag_ids
    dates = sorted(datetime.fromisoformat(change.what) for change in step.changes)
    runs = airflow.runs(dag_id, limit=500, since=dates[0], until=dates[-1])
    if any(run.run_id == backfill_run_id(dates[0]) for run in runs):
        return True
    there = {run.logical_date: run.state for run in runs}
    wanted = {
        datetime.fromisoformat(change.what): change.before for change in step.changes if change.before != "no run yet"
    }
    fresh = [date for date in dates if date not in wanted]
    return any(date in there for date in fresh) or any(there.get(date) != state for date, state in wanted.items())


def instances(airflow: Airflow, refs: list[TaskRef]) -> list[TaskInstance]:
    """These task instances as they are now."""
    wanted = set(refs)
    runs = dict.fromkeys((ref.dag_id, ref.run_id) for ref in refs)
    return [i for dag, run_id in runs for i in airflow.task_instances(dag, run_id) if i.ref in wanted]
