"""Plans and remediations: exactly what an action would touch, and one requested execution of it.

A plan carries a digest of every task instance with its state, and is executed only while a fresh dry run has the same
digest. A remediation touches what its plan lists and nothing else, once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from bot.core.access import Person
from bot.core.airflow.protocol import RUNNING_STATES, Scope, TaskInstance, TaskRef

PLAN_LIFE = timedelta(minutes=10)
RUNS_AGAIN = "runs again"
REMOVED = "removed"


class Surprise(StrEnum):
    """Why a line of a preview may be unexpected."""

    none = ""
    running = "running"
    succeeded = "succeeded"
    neighbour = "mapped neighbour"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan: what it is, its state before and after. `ref` is None for a DAG or a run."""

    what: str
    before: str
    after: str
    run_id: str = ""
    ref: TaskRef | None = None
    surprise: Surprise = Surprise.none


@dataclass(frozen=True, slots=True)
class Plan:
    """What a remediation would touch, found by a dry run, and bound to one person and one list for ten minutes.

    `id` is opaque and used once. `scopes` are the questions of the dry run, so that it can be repeated."""

    id: str
    action: str  # clear, mark, pause, unpause, trigger, backfill, variable
    deployment: str
    changes: tuple[Change, ...]
    person: Person
    created_at: datetime
    incident_id: int | None = None
    scopes: tuple[Scope, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    channel: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def expires_at(self) -> datetime:
        return self.created_at + PLAN_LIFE

    @property
    def digest(self) -> str:
        """The same for the same set of things in the same states, in any order; it changes with the list."""
        return digest(self.changes)

    @property
    def marked(self) -> tuple[Change, ...]:
        """What a mark sets; the rest of its list is what Airflow does after it."""
        return tuple(change for change in self.changes if change.after not in {RUNS_AGAIN, REMOVED})

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The DAGs that the plan is about; for a variable, its key."""
        named = [c.ref.dag_id for c in self.changes if c.ref] or self.options.get("dags")
        named = (
            named
            or [scope.dag_id for scope in self.scopes if self.is_of_runs]
            or [c.what.removeprefix("run of ") for c in self.changes]
        )
        return tuple(dict.fromkeys(named))

    @property
    def is_of_runs(self) -> bool:
        """Whether the plan marks whole runs; its task instances are then those that Airflow changes with them."""
        return self.options.get("of") == "run"


def digest(changes: Iterable[Change]) -> str:
    lines = sorted([c.run_id, c.ref.dag_id if c.ref else "", c.what, c.before, c.after] for c in changes)
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:16]


def clear_changes(found: Sequence[TaskInstance], asked: Iterable[TaskRef]) -> tuple[Change, ...]:
    """The lines of a clear's preview. Task instances that run, or that succeeded or are mapped neighbours and were not
    requested by name, are marked as surprises."""
    named = set(asked)
    tasks_named = {(ref.dag_id, ref.run_id, ref.task_id) for ref in named if ref.map_index >= 0}
    return tuple(_clear_change(instance, named, tasks_named) for instance in sorted(found, key=lambda ti: ti.ref))


def _clear_change(instance: TaskInstance, named: set[TaskRef], tasks_named: set[tuple[str, str, str]]) -> Change:
    ref = instance.ref
    surprise, after = Surprise.none, RUNS_AGAIN
    if instance.state in {"running", "deferred", "restarting"}:
        surprise, after = Surprise.running, "stopped, runs again"
    elif ref not in named and (ref.dag_id, ref.run_id, ref.task_id) in tasks_named:
        surprise = Surprise.neighbour
    elif instance.state == "success" and ref not in named:
        surprise = Surprise.succeeded
    return Change(ref.label, instance.state, after, ref.run_id, ref, surprise)


def difference(old: Sequence[Change], new: Sequence[Change]) -> dict[Change, str]:
    """`+` for each line that is new, `±` for each line in another state; lines that are the same are left out."""
    before = {(c.run_id, c.ref, c.what): c.before for c in old}
    signs = {change: _sign(before.get((change.run_id, change.ref, change.what)), change.before) for change in new}
    return {change: sign for change, sign in signs.items() if sign}


def _sign(before: str | None, now: str) -> str:
    if before is None:
        return "+"
    return "" if before == now else "±"


class Progress(StrEnum):
    """The life of a remediation."""

    asked = "asked"  # confirmed by a person, not begun
    doing = "doing"  # Airflow is being called; after a crash the result is read back first
    watching = "watching"  # Airflow accepted it and is working on it
    done = "done"
    failed = "failed"  # Airflow refused; nothing was changed
    moved = "moved"  # the list was not the one that was confirmed; nothing was changed
    given_up = "given_up"  # Airflow did not answer in time
    partly = "partly"  # some of it was done, then it was stopped or refused; the answer says what
    stopped = "stopped"  # a person stopped it before it began; nothing was changed
    unknown = "unknown"  # no answer came, and the result could not be read back


ACTIVE = frozenset({Progress.asked, Progress.doing, Progress.watching})
FAILED = frozenset(
    {Progress.failed, Progress.moved, Progress.given_up, Progress.unknown, Progress.partly, Progress.stopped}
)


@dataclass(frozen=True, slots=True)
class Remediation:
    """One requested action: its plan, and its progress. `tally` counts the states of the plan's things; `steps` is how
    many batches are done; `stopped_by` is the person who asked to stop after the current one. `backfill_id` is
    Airflow's id of a backfill that it runs (0: none, or not known)."""

    id: int
    plan: Plan
    progress: Progress
    asked_at: datetime
    due_at: datetime
    version: int = 1
    tries: int = 0
    answer: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    tally: Mapping[str, int] = field(default_factory=dict)
    steps: int = 0
    stopped_by: str = ""
    backfill_id: int = 0

    @property
    def person(self) -> Person:
        return self.plan.person

    @property
    def incident_id(self) -> int | None:
        return self.plan.incident_id

    @property
    def can_stop(self) -> bool:
        """Whether it is carried out in batches and may have some left, or is a backfill that Airflow runs."""
        if self.backfill_id and self.progress is Progress.done:
            return not self.stopped_by
        return self.progress in {Progress.asked, Progress.doing} and len(self.plan.changes) > 1 and not self.stopped_by


def named(changes: Iterable[Change], most: int = 12) -> str:
    """`load[0..5,7], publish`: the list in one line, mapped neighbours folded; a long one ends in how many more."""
    by_task: dict[str, list[int]] = {}
    for change in changes:
        ref = change.ref
        indexes = by_task.setdefault(ref.task_id if ref and ref.map_index >= 0 else change.what, [])
        if ref and ref.map_index >= 0:
            indexes.append(ref.map_index)
    labels = [f"{task}[{ranges(indexes)}]" if indexes else task for task, indexes in by_task.items()]
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more


def ranges(indexes: Iterable[int], most: int = 6) -> str:
    """`0..5,7`; a long tail as `…`."""
    numbered = enumerate(sorted(set(indexes)))
    spans = [[index for _, index in group] for _, group in groupby(numbered, lambda pair: pair[1] - pair[0])]
    shown = [str(s[0]) if len(s) == 1 else f"{s[0]}..{s[-1]}" for s in spans[:most]]
    return ",".join(shown) + (",…" if len(spans) > most else "")


def tally(states: Iterable[str]) -> dict[str, int]:
    """How far Airflow is: the number of states that are done (ended well), failed, running or waiting."""
    count = {"done": 0, "failed": 0, "running": 0, "waiting": 0}
    for state in states:
        if state in {"success", "skipped"}:
            count["done"] += 1
        elif state in {"failed", "upstream_failed", "removed"}:
            count["failed"] += 1
        elif state in {"running", "deferred", "restarting", "up_for_reschedule"}:
            count["running"] += 1
        else:
            count["waiting"] += 1
    return count


def still_running(state: str) -> bool:
    """Whether Airflow is working on it, or will be."""
    return state in RUNNING_STATES or state in {"none", "up_for_retry"}


class Standing(StrEnum):
    """How a plan that needs a second person stands."""

    waiting = "waiting"
    approved = "approved"
    taken_back = "taken back"
    expired = "expired"
    moved = "moved"


@dataclass(frozen=True, slots=True)
class Approval:
    """One plan that a first person confirmed. `shown` is the standing that its message shows, empty: none yet."""

    plan: Plan
    standing: Standing
    asked_at: datetime
    second: str = ""
    shown: str = ""
    channel_id: str = ""
    ref: str = ""
    second_id: str = ""
