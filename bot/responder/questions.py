"""What lookups ask of the edges besides Airflow's API: a check run now, a deployment's history, who is on call.

An edge answers with these values or raises `Temporary` or `Permanent`; asking changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    pass

GOAL = 99.2  # percent of the ended runs that succeed


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """What one check found when it was asked: sentences, none when it is well; `error` says why it could not be asked."""

    name: str
    title: str
    findings: Sequence[str] = ()
    error: str = ""
    runbook: str = ""


class Examine(Protocol):
    """Runs one deployment's checks now, and reports to no one."""

    def names(self) -> list[str]:
        """The checks that are on."""

    def ask(self, name: str) -> CheckSeen | None:
        """One check; None when there is no such check."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call: which level is rung, under which policy and schedule, until when (None: always)."""

    level: int
    person: str
    policy: str
    schedule: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunTally:
    """Runs that ended, and those of them that succeeded."""

    ended: int = 0
    succeeded: int = 0


class Tally(Protocol):
    """Counts one deployment's runs that ended between two moments. Raises `Temporary` or `Permanent`."""

    def __call__(self, since: datetime, until: datetime) -> RunTally: ...


@dataclass(frozen=True, slots=True)
class Took:
    """How long the successes of one task take lately and took before: how many, and seconds (nearest rank)."""

    dag_id: str
    task_id: str
    runs: int
    p50: float
    p95: float
    runs_before: int
    p50_before: float
    p95_before: float

    @property
    def lost(self) -> float:
        """Seconds that half of its runs are slower than before, at least."""
        return self.p50 - self.p50_before


@dataclass(frozen=True, slots=True)
class RunSeen:
    """One run in Airflow's own words; it took `seconds`, None while it has not ended."""

    run_id: str
    state: str
    started: datetime | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """One task over several runs: task instances that ended, those that failed, tries beyond the first, and how long a
    success takes (seconds; None when there was none)."""

    task_id: str
    ended: int
    failed: int
    retries: int
    p50: float | None = None
    p95: float | None = None


class History(Protocol):
    """What one deployment remembers. Raises `Temporary` or `Permanent`."""

    def slow(self, since: datetime, lately: datetime) -> list[Took]:
        """Every task that succeeded on both sides of `lately`; nothing older than `since` is looked at."""

    def runs(self, dag_id: str, since: datetime) -> list[RunSeen]:
        """The runs of a DAG that started since, newest first."""

    def tasks(self, dag_id: str, since: datetime) -> list[TaskSeen]:
        """The tasks of those runs."""

    @property
    def source(self) -> str:
        """Where it was read, for the last line of an answer: `metastore`, or what the API was asked for."""
