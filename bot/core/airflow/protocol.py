"""One Airflow installation as the bot sees it, the same for Airflow 2.x and 3.x.

Where the majors differ, `Airflow` hides the difference or states it as a fact (`can_address_map_index`), so that
callers never guess. States are Airflow's own words; a state that Airflow leaves empty is `"none"`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.core.airflow.backfill import Backfill, BackfillDate, Backfilling
from bot.core.airflow.health import Component, Health, ImportFault, Job, Pool
from bot.core.airflow.variables import Configured, Connection, ConnectionTest, Param, Variable

__all__ = [
    "FAILED_STATES",
    "RUNNING_STATES",
    "Airflow",
    "Backfill",
    "BackfillDate",
    "Component",
    "Connection",
    "ConnectionTest",
    "Dag",
    "Health",
    "ImportFault",
    "Job",
    "Log",
    "Param",
    "Pool",
    "Run",
    "Scope",
    "TaskInstance",
    "TaskNode",
    "TaskRef",
    "Variable",
]

RUNNING_STATES = frozenset({"running", "restarting", "deferred", "up_for_reschedule", "queued", "scheduled"})
FAILED_STATES = ["failed", "up_for_retry"]  # a try has failed; upstream_failed never ran


@dataclass(frozen=True, slots=True, order=True)
class TaskRef:
    """One task instance by name. `map_index` is -1 for an unmapped task, as in Airflow."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @property
    def label(self) -> str:
        """`load` or `load[6]`, the way people write it."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One task instance as Airflow reports it. Times are aware UTC, durations seconds."""

    ref: TaskRef
    state: str
    try_number: int = 0
    max_tries: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None
    duration: float | None = None
    hostname: str = ""
    operator: str = ""
    pool: str = ""
    queue: str = ""
    note: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Run:
    """One DAG run. `logical_date` is None for a manual run on Airflow 3."""

    dag_id: str
    run_id: str
    state: str
    run_type: str = ""
    logical_date: datetime | None = None
    run_after: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Dag:
    """One DAG. `timetable` is Airflow's own summary of the schedule, None if there isn't one; `params` by name are
    given by `Airflow.dag` only."""

    dag_id: str
    is_paused: bool
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    timetable: str | None = None
    next_run: datetime | None = None
    has_import_errors: bool = False
    is_active: bool = True
    params: Mapping[str, Param] = field(default_factory=dict)
    max_active_runs: int | None = None


@dataclass(frozen=True, slots=True)
class TaskNode:
    """One task of a DAG as it is now, and the tasks directly downstream; `group` is its task group."""

    task_id: str
    downstream: tuple[str, ...] = ()
    operator: str = ""
    is_mapped: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """The log of one try, oldest line first. `found` is False if Airflow could not read it (the lines say why)."""

    lines: tuple[str, ...]
    found: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person asked to clear in one run. Empty `tasks` means the whole run; a pair is (task_id, map_index or None
    for every index)."""

    dag_id: str
    run_id: str
    tasks: tuple[tuple[str, int | None], ...] = ()
    only_failed: bool = True
    downstream: bool = False
    upstream: bool = False


class Airflow(Configured, Backfilling, Protocol):
    """One deployment's API. Every method raises `Temporary` or `Permanent` and nothing else; each call has a timeout.

    `None` means that the thing does not exist; an empty list means that there are none.
    """

    name: str
    url: str  # where we ask it
    ui_url: str  # where people open it

    @property
    def version(self) -> str:
        """The server's version, such as `3.3.2`; asks once and keeps the answer."""

    @property
    def major(self) -> int:
        """2 or 3."""

    @property
    def can_address_map_index(self) -> bool:
        """Whether a single mapped index can be cleared (3.x yes, 2.x no)."""

    @property
    def clear_stops_running(self) -> bool:
        """Whether a clear stops a running task (3.x yes; 2.11's API lists it in its answer and leaves it alone)."""

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Limits all calls of this thread in the block to `seconds` together, for a person who is waiting."""

    def health(self) -> Health: ...

    def jobs(self) -> list[Job]:
        """The schedulers, triggerers and DAG processors with a heartbeat within the last day, and the newest of each
        kind however old; the newest of a kind first."""

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        """Active DAGs whose id contains `pattern`, by id."""

    def dag(self, dag_id: str) -> Dag | None:
        """One DAG, with its params."""

    def task_ids(self, dag_id: str) -> list[str] | None:
        """The task ids of a DAG as it is now; None when there is no such DAG."""

    def task_tree(self, dag_id: str) -> list[TaskNode] | None:
        """The tasks of a DAG as it is now, by id; None when there is no such DAG."""

    def runs(
        self,
        dag_id: str,
        states: Sequence[str] = (),
        limit: int = 25,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        """Newest first; of every DAG if `dag_id` is empty. `since` and `until` (both inclusive) refer to the logical
        date, or to `run_after` for a run that has none."""

    def run(self, dag_id: str, run_id: str) -> Run | None: ...

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        """Every task instance of the run (all pages, every mapped index)."""

    def task_instance(self, ref: TaskRef) -> TaskInstance | None: ...

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        """The task instances of every DAG that are `failed` or `up_for_retry` and ended at `moment` or later."""

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        """The runs of every DAG that are failed and ended at `moment` or later."""

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        """The task instances that would be (dry run) or were cleared, with their states before. Touches only this
        run."""

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        """Sets one task instance to success, failed or skipped. Returns what changed, empty if it had that state.
        Airflow also runs again what failed or waits downstream of it."""

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        """Sets a run to success, failed or queued."""

    def set_note(self, ref: TaskRef, note: str) -> None:
        """Writes a note on a task instance, the only place where Airflow shows who really asked."""

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None:
        """Writes a note on a run."""

    def pause(self, dag_id: str, paused: bool) -> Dag: ...

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        note: str = "",
        logical_date: datetime | None = None,
    ) -> Run:
        """Starts a run under a run id of ours; if that id exists already, the existing run is returned.

        Raises `Permanent` with the code "409" if another run has that `logical_date`.
        """

    def import_errors(self) -> list[ImportFault]: ...

    def pools(self) -> list[Pool]: ...

    def log(self, ref: TaskRef, try_number: int) -> Log: ...

    def run_url(self, dag_id: str, run_id: str) -> str:
        """A link for people, built from `ui_url`, never from what a worker believes its address to be."""

    def task_url(self, ref: TaskRef, try_number: int | None = None) -> str: ...
