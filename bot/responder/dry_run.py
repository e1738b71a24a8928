"""Dry runs: what an action would touch, found by asking Airflow and changing nothing.

Hard cases: 2.x cannot address one mapped index (the whole task is asked for, and the preview shows what that means);
marking a task makes Airflow run again what waits behind it (that is part of the list). Rule: whatever Airflow will do
of itself is in the list too.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bot.core.action import RUNS_AGAIN, Change, Surprise, clear_changes
from bot.core.deployment import Airflow, Dag, Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent
from bot.core.incident import Subject


def scopes_of(tasks: Sequence[Subject]) -> tuple[Scope, ...]:
    """One scope a run: the failed ones by name and index, and what failed or waits behind them."""
    by_run: dict[tuple[str, str], dict[tuple[str, int | None], None]] = {}
    for subject in tasks:
        index = subject.map_index if subject.map_index >= 0 else None
        by_run.setdefault((subject.dag_id, subject.run_id), {})[subject.task_id, index] = None
    return tuple(
        Scope(dag, run, tuple(named), only_failed=True, downstream=True) for (dag, run), named in by_run.items()
    )


def dry_clear(airflow: Airflow, scopes: Sequence[Scope], seconds: float = 60.0) -> tuple[Change, ...]:
    """The lines of a clear, by asking Airflow for each run; `seconds` is the time for each."""

    def ask(scope: Scope) -> list[TaskInstance]:
        with airflow.within(seconds):
            return airflow.clear(_addressable(airflow, scope), dry_run=True)

    with ThreadPoolExecutor(max_workers=min(4, len(scopes))) as pool:
        found = list(pool.map(ask, scopes))
    instances = list({instance.ref: instance for some in found for instance in some}.values())
    return clear_changes(instances, _named(scopes, instances))


def _addressable(airflow: Airflow, scope: Scope) -> Scope:
    """2.x cannot address one mapped index: the whole task is asked for, and the preview shows what that means."""
    if airflow.can_address_map_index:
        return scope
    return replace(scope, tasks=tuple(dict.fromkeys((task, None) for task, _ in scope.tasks)))


def _named(scopes: Sequence[Scope], found: Sequence[TaskInstance]) -> set[TaskRef]:
    """The task instances that somebody asked for by name, as against those that come with them."""
    exact = {(s.dag_id, s.run_id, task, index) for s in scopes for task, index in s.tasks if index is not None}
    whole = {(s.dag_id, s.run_id, task) for s in scopes for task, index in s.tasks if index is None}
    runs = {(s.dag_id, s.run_id) for s in scopes if not s.tasks}
    return {
        instance.ref for instance in found
        if (ref := instance.ref) and ((ref.dag_id, ref.run_id, ref.task_id, ref.map_index) in exact
            or (ref.dag_id, ref.run_id, ref.task_id) in whole or (ref.dag_id, ref.run_id) in runs)
    }  # fmt: skip


def mark_changes(airflow: Airflow, refs: Sequence[TaskRef], state: str) -> tuple[Change, ...]:
    """The lines of a mark: the task instances, what Airflow runs again behind them, the run where that ends it."""
    changes: list[Change] = []
    for dag_id, run_id in dict.fromkeys((ref.dag_id, ref.run_id) for ref in refs):
        wanted = {ref for ref in refs if (ref.dag_id, ref.run_id) == (dag_id, run_id)}
        found = airflow.task_instances(dag_id, run_id)
        missing = wanted - {instance.ref for instance in found}
        if missing:
            raise Permanent(f"{dag_id} has no {next(iter(missing)).label} in run {run_id}", "404")
        changes += [_mark_change(i, state) for i in found if i.ref in wanted and i.state != state]
        left = [i for i in found if i.ref not in wanted and i.state in {"failed", "upstream_failed"}]
        behind = _behind(airflow, dag_id, run_id, wanted) if changes else []
        changes += behind
        left = [i for i in left if i.ref not in {change.ref for change in behind}]
        run = airflow.run(dag_id, run_id)
        if state == "success" and run and run.state == "failed" and changes and not (left or behind):
            changes.append(Change(f"run of {dag_id}", "failed", "success", run_id))
    return tuple(changes)


def _behind(airflow: Airflow, dag_id: str, run_id: str, marked: set[TaskRef]) -> list[Change]:
    """What Airflow runs again by itself once these are marked: what failed or waits behind them."""
    scope = Scope(
        dag_id, run_id, tuple({(ref.task_id, None): None for ref in marked}), only_failed=True, downstream=True
    )
    tasks = {ref.task_id for ref in marked}
    found = [i for i in airflow.clear(scope, dry_run=True) if i.ref.task_id not in tasks]
    return [Change(i.ref.label, i.state, RUNS_AGAIN, run_id, i.ref) for i in sorted(found, key=lambda i: i.ref)]


def _mark_change(instance: TaskInstance, state: str) -> Change:
    surprise = Surprise.running if instance.state == "running" else Surprise.none
    if instance.state == "success" and state != "success":
        surprise = Surprise.succeeded
    return Change(instance.ref.label, instance.state, state, instance.ref.run_id, instance.ref, surprise)


def dag(airflow: Airflow, dag_id: str) -> Dag:
    """The DAG. Raises Permanent when there is none."""
    found = airflow.dag(dag_id)
    if found is None:
        raise Permanent(f"{airflow.name} has no DAG {dag_id}", "404")
    return found
