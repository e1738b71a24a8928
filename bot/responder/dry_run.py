"""Dry runs: what an action would touch, found by asking Airflow and changing nothing.

Hard cases: 2.x cannot address one mapped index (the whole task is asked for, and the preview shows what that means), and
leaves alone what runs although it names it;
a storm of runs (asked for side by side, within one deadline). Rule: the same question gives the plan, its check at the
confirmation and its check before anything is done, so that what is executed is what was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

from bot.core.airflow.protocol import Airflow, Scope, TaskInstance, TaskRef
from bot.core.incidents.incident import Subject
from bot.core.remediation import Change, Plan, clear_changes
from bot.responder.dry_runs import backfills, dags, marks, variables
from bot.responder.dry_runs.seen import Seen

AT_ONCE = 4  # runs that are asked about side by side
TIDY_SECONDS = 60.0


def look(airflow: Airflow, plan: Plan, seconds: float = TIDY_SECONDS, long: float = TIDY_SECONDS) -> Seen:
    """What the plan's question gives now: `seconds` for Airflow to answer at all, `long` for a list that may be long.
    Raises Temporary or Permanent."""
    if plan.action == "clear":
        with airflow.within(seconds):
            paused = _paused(airflow, plan.scopes)
        return _clear(airflow, plan, paused, long)
    asks: dict[str, Callable[[Airflow, Plan], Seen]] = {
        "mark": marks.look, "pause": dags.paused, "unpause": dags.paused, "trigger": dags.trigger,
        "backfill": backfills.look, "variable": variables.look,
    }  # fmt: skip
    with airflow.within(seconds):
        return asks[plan.action](airflow, plan)


def scopes_of(tasks: Sequence[Subject]) -> tuple[Scope, ...]:
    """One scope a run: the failed ones by name and index, and what failed or waits behind them."""
    by_run: dict[tuple[str, str], dict[tuple[str, int | None], None]] = {}
    for subject in tasks:
        index = subject.map_index if subject.map_index >= 0 else None
        by_run.setdefault((subject.dag_id, subject.run_id), {})[subject.task_id, index] = None
    return tuple(
        Scope(dag, run, tuple(named), only_failed=True, downstream=True) for (dag, run), named in by_run.items()
    )


def _clear(airflow: Airflow, plan: Plan, paused: str, seconds: float) -> Seen:
    found = _would_clear(airflow, plan.scopes, seconds)
    changes = _lines(airflow, plan.scopes, found)
    left = _left_alone(airflow, found)
    warnings = [left, _other_runs(changes), _whole_task(airflow, plan.scopes), paused]
    return Seen(changes, tuple(warning for warning in warnings if warning), left)


def _left_alone(airflow: Airflow, found: Sequence[TaskInstance]) -> str:
    """2.x names what runs among what it would clear, and then leaves it alone; that is said before."""
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
    """2.x cannot address one mapped index, and that is said before."""
    one = next((f"{task}[{index}]" for s in scopes for task, index in s.tasks if index is not None and index >= 0), "")
    if not one or airflow.can_address_map_index:
        return ""
    return (
        f"Airflow {airflow.version} cannot clear {one} by itself: it takes every index of the task that is listed here"
    )


def _paused(airflow: Airflow, scopes: Sequence[Scope]) -> str:
    """Clearing in a paused DAG brings nothing until it is unpaused. It is asked first: it is answered at once by an Airflow
    that answers at all, so nobody waits long for one that does not."""
    dag_ids = list(dict.fromkeys(scope.dag_id for scope in scopes))
    dag = airflow.dag(dag_ids[0])
    if len(dag_ids) > 1 or dag is None or not dag.is_paused:
        return ""
    return f"{dag.dag_id} is paused: nothing of it runs until it is unpaused"


def dry_clear(airflow: Airflow, scopes: Sequence[Scope], seconds: float = TIDY_SECONDS) -> tuple[Change, ...]:
    """The lines of a clear, by asking Airflow for each run; `seconds` is the time for all of them together."""
    return _lines(airflow, scopes, _would_clear(airflow, scopes, seconds))


def _lines(airflow: Airflow, scopes: Sequence[Scope], found: Sequence[TaskInstance]) -> tuple[Change, ...]:
    taken = [instance for instance in found if _is_taken(airflow, instance)]
    return clear_changes(taken, _named(scopes, taken))


def _is_taken(airflow: Airflow, instance: TaskInstance) -> bool:
    return instance.state != "running" or airflow.clear_stops_running


def _would_clear(airflow: Airflow, scopes: Sequence[Scope], seconds: float) -> list[TaskInstance]:
    """What Airflow names."""

    def ask(scope: Scope) -> list[TaskInstance]:
        return airflow.clear(_addressable(airflow, scope), dry_run=True)

    with airflow.within(seconds):
        if len(scopes) == 1:
            found = [ask(scopes[0])]
        else:  # the deadline is this thread's; each helper gets a copy of it
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                asked = [pool.submit(copy_context().run, ask, scope) for scope in scopes]
                found = [one.result() for one in asked]
    return list({instance.ref: instance for some in found for instance in some}.values())


def _addressable(airflow: Airflow, scope: Scope) -> Scope:
    """2.x cannot address one mapped index: the whole task is asked for, and the preview shows what that means."""
    if airflow.can_address_map_index:
        return scope
    return replace(scope, tasks=tuple(dict.fromkeys((task, None) for task, _ in scope.tasks)))


def _named(scopes: Sequence[Scope], found: Sequence[TaskInstance]) -> set[TaskRef]:
    """The task instances that somebody asked for by name, as against those that come with them or with a whole run."""
    exact = {(s.dag_id, s.run_id, task, index) for s in scopes for task, index in s.tasks if index is not None}
    whole = {(s.dag_id, s.run_id, task) for s in scopes for task, index in s.tasks if index is None}
    return {
        instance.ref for instance in found
        if (ref := instance.ref) and ((ref.dag_id, ref.run_id, ref.task_id, ref.map_index) in exact
            or (ref.dag_id, ref.run_id, ref.task_id) in whole)
    }  # fmt: skip
