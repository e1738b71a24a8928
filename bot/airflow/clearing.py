"""Clearing, for both majors: plan it, check the plan, do it, report the states before.

Airflow answers 200 with an empty list if a task id doesn't exist; some 3.x versions clear a whole mapped task if one
index and its downstream were requested; an external task marker reaches into another DAG; 2.x reports neither index nor
state. A clear covers one run, and is refused if its dry run lists anything outside the request.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bot.core.airflow.protocol import Scope, TaskInstance, TaskRef
from bot.core.errors import Permanent, Temporary

FAILED_STATES = frozenset({"failed", "upstream_failed"})
MOST_NOTES = 25  # if each note takes a call of its own
NOTE_LENGTH = 1000  # Airflow's own limit

log = logging.getLogger(__name__)


class Clearer(Protocol):
    """The calls that clearing needs from a major version."""

    name: str

    def task_ids(self, dag_id: str) -> list[str] | None: ...

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]: ...

    def set_note(self, ref: TaskRef, note: str) -> None: ...

    def ask_clear(self, scope: Scope, planned: Sequence[TaskInstance] | None, note: str) -> list[TaskInstance]:
        """Airflow's answer: to the dry run if `planned` is None (complete, with states and indexes), otherwise to the
        clear of what was planned."""

    def clears_with_note(self) -> bool:
        """Whether the clear request can carry the note itself."""


def clear(airflow: Clearer, scope: Scope, *, dry_run: bool, note: str) -> list[TaskInstance]:
    """See `Airflow.clear`. A real clear is preceded by its own dry run, which provides the states."""
    planned = airflow.ask_clear(scope, None, "")
    _refuse_strangers(airflow.name, scope, planned)
    _refuse_unknown(airflow, scope, planned)
    if dry_run or not planned:
        return planned
    done = airflow.ask_clear(scope, planned, note[:NOTE_LENGTH])
    before = {entry.ref: entry for entry in planned}
    cleared = [before.get(entry.ref, entry) for entry in done]
    if note and not airflow.clears_with_note():
        _write_notes(airflow, [entry.ref for entry in cleared], note[:NOTE_LENGTH])
    return cleared


def filled(answer: Sequence[TaskInstance], present: Sequence[TaskInstance], scope: Scope) -> list[TaskInstance]:
    """2.x names tasks only: returns the task instances of the run that its answer means, with states and indexes.

    Raises Temporary if the number per task differs from Airflow's answer, because the run changed between the two
    reads.
    """
    said = Counter(entry.ref.task_id for entry in answer)
    meant = [
        one for one in present if one.ref.task_id in said and (not scope.only_failed or one.state in FAILED_STATES)
    ]
    if Counter(one.ref.task_id for one in meant) != said:
        raise Temporary(f"the run {scope.run_id} of {scope.dag_id} is changing right now; look again", acted=False)
    return meant


def _refuse_strangers(name: str, scope: Scope, planned: Sequence[TaskInstance]) -> None:
    for entry in planned:
        if (entry.ref.dag_id, entry.ref.run_id) != (scope.dag_id, scope.run_id):
            where = f"{entry.ref.dag_id}.{entry.ref.label} of the run {entry.ref.run_id}"
            raise Permanent(f"Airflow ({name}) would also clear {where}; nothing was cleared", "wider")
        if not _was_asked(entry.ref, scope):
            raise Permanent(f"Airflow ({name}) would also clear {entry.ref.label}; nothing was cleared", "wider")


def _was_asked(ref: TaskRef, scope: Scope) -> bool:
    """Whether the request covers this task instance. `downstream` and `upstream` add other tasks, but of a requested
    task only the requested indexes are covered."""
    if not scope.tasks:
        return True
    indexes = {index for task_id, index in scope.tasks if task_id == ref.task_id}
    if not indexes:
        return scope.downstream or scope.upstream
    return None in indexes or ref.map_index in indexes


def _refuse_unknown(airflow: Clearer, scope: Scope, planned: Sequence[TaskInstance]) -> None:
    """Refuses tasks that don't exist; Airflow gives the same answer for them as for tasks with nothing to clear."""
    seen = {entry.ref.task_id for entry in planned} | {(entry.ref.task_id, entry.ref.map_index) for entry in planned}
    missing = [(task, index) for task, index in scope.tasks if (task if index is None else (task, index)) not in seen]
    if not missing:
        return
    known = airflow.task_ids(scope.dag_id)
    if known is None:
        raise Permanent(f"Airflow ({airflow.name}) has no DAG `{scope.dag_id}`", "404")
    for task_id, index in missing:
        if task_id not in known:
            raise Permanent(f"{scope.dag_id} has no task `{task_id}`", "unknown_task")
        if index is not None:
            _refuse_unknown_index(airflow, scope, task_id, index)


def _refuse_unknown_index(airflow: Clearer, scope: Scope, task_id: str, index: int) -> None:
    here = airflow.task_instances(scope.dag_id, scope.run_id, task_id=task_id)
    if index not in {one.ref.map_index for one in here}:
        label = TaskRef(scope.dag_id, scope.run_id, task_id, index).label
        raise Permanent(f"the run {scope.run_id} of {scope.dag_id} has no task instance `{label}`", "unknown_task")


def _write_notes(airflow: Clearer, refs: Sequence[TaskRef], note: str) -> None:
    """Writes the notes. A failure is only logged, because the clear has happened and must not look as if it had not."""
    for ref in refs[:MOST_NOTES]:
        try:
            airflow.set_note(ref, note)
        except (Temporary, Permanent) as error:
            log.warning("The clear of %s is done, its note could not be written: %s", ref.label, error)
            return


def named_run(entry: TaskInstance, dag_id: str, run_id: str) -> TaskInstance:
    """Fills in the DAG and run if the answer left them out."""
    ref = replace(entry.ref, dag_id=entry.ref.dag_id or dag_id, run_id=entry.ref.run_id or run_id)
    return replace(entry, ref=ref)
