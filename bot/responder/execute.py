"""Executing a plan in Airflow, by name, and reading back whether it was done.

Hard case: a plan over several runs of which one is refused after others were done. `Partly` says how far it came; it is
never told as nothing. Rule: what is asked of Airflow is the plan's list, with nothing that could bring in more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.core.action import Change, Plan
from bot.core.deployment import Airflow, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent, Temporary

_Step = TypeVar("_Step")


def explicit_scopes(airflow: Airflow, plan: Plan) -> tuple[Scope, ...]:
    """The plan's list by name, one scope a run, with nothing that could bring in more."""
    by_run: dict[tuple[str, str], dict[tuple[str, int | None], None]] = {}
    for ref in refs_of(plan):
        index = ref.map_index if ref.map_index >= 0 and airflow.can_address_map_index else None
        by_run.setdefault((ref.dag_id, ref.run_id), {})[ref.task_id, index] = None
    # where an index cannot be named, "failed ones only" is what keeps its well neighbours out
    only_failed = not airflow.can_address_map_index and all(scope.only_failed for scope in plan.scopes)
    return tuple(Scope(dag, run, tuple(named), only_failed=only_failed) for (dag, run), named in by_run.items())


def refs_of(plan: Plan) -> list[TaskRef]:
    return [change.ref for change in plan.changes if change.ref is not None]


def execute(airflow: Airflow, plan: Plan) -> None:
    said = f"{plan.action} by {plan.person.name} through Windsock" + (
        f", A-{plan.incident_id}" if plan.incident_id else ""
    )
    reason = str(plan.options.get("reason") or "")
    said += f": {reason}" if reason else ""
    match plan.action:
        case "clear":
            scopes = explicit_scopes(airflow, plan)
            _each(scopes, lambda scope: airflow.clear(scope, dry_run=False, note=said))
        case "mark":
            # the run itself comes last in a plan: its state follows its tasks'
            _each(plan.marked, lambda change: _mark(airflow, change, said))
        case "pause" | "unpause":
            _each(plan.changes, lambda change: airflow.pause(change.what, plan.action == "pause"))
        case "trigger":
            airflow.trigger(plan.changes[0].what, run_id_of(plan), plan.options.get("conf") or {}, note=said)


class Partly(Exception):
    """Some steps were done before one failed."""

    def __init__(self, done: int, steps: int, cause: Temporary | Permanent) -> None:
        super().__init__(f"only {done} of {steps} steps were done: {cause.message}")


def _each(steps: Sequence[_Step], act: Callable[[_Step], object]) -> None:
    """Every step in order; what was done before a failure is said, never hidden behind it."""
    for done, step in enumerate(steps):
        try:
            act(step)
        except (Temporary, Permanent) as error:
            if done:
                raise Partly(done, len(steps), error) from error
            raise


def _mark(airflow: Airflow, change: Change, said: str) -> None:
    if change.ref is not None:
        airflow.mark(change.ref, change.after, note=said)
    else:
        airflow.set_run_state(change.what.removeprefix("run of "), change.run_id, change.after, note=said)


def run_id_of(plan: Plan) -> str:
    """The run id that triggering this plan gives: always the same, so that trying again starts no second run."""
    return f"slack__{plan.created_at:%Y-%m-%dT%H:%M:%S+00:00}_{plan.id.removeprefix('P-')[:8]}"


def has_acted(airflow: Airflow, plan: Plan) -> bool:
    """Whether Airflow carries the mark of what was asked for."""
    match plan.action:
        case "clear":
            now = _states(airflow, plan)
            return any(now.get(change.ref) != change.before for change in plan.changes if change.ref)
        case "mark":
            now = _states(airflow, plan)
            return all(now.get(change.ref) == change.after for change in plan.marked if change.ref)
        case "trigger":
            return airflow.run(plan.changes[0].what, run_id_of(plan)) is not None
        case _:
            paused = plan.action == "pause"
            return all(dag is not None and dag.is_paused is paused for dag in map(airflow.dag, plan.dag_ids))


def _states(airflow: Airflow, plan: Plan) -> dict[TaskRef, str]:
    return {instance.ref: instance.state for instance in instances(airflow, plan)}


def instances(airflow: Airflow, plan: Plan) -> list[TaskInstance]:
    """The plan's task instances as they are now."""
    wanted = set(refs_of(plan))
    runs = dict.fromkeys((ref.dag_id, ref.run_id) for ref in wanted)
    return [i for dag, run_id in runs for i in airflow.task_instances(dag, run_id) if i.ref in wanted]
