"""What lookups need besides Airflow's API: a check run on request, a deployment's history, who is on call.

An edge returns these values or raises `Temporary` or `Permanent`; asking changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

GOAL = 99.2  # percent of the ended runs that succeed


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """One check's result. `findings` are sentences, empty if all is well; `error` says why the check could not run."""

    name: str
    title: str
    findings: Sequence[str] = ()
    error: str = ""
    runbook: str = ""


class Examine(Protocol):
    """Runs one deployment's checks on request and returns the results, without reporting signals."""

    def names(self) -> list[str]:
        """The names of the enabled checks."""

    def ask(self, name: str) -> CheckSeen | None:
        """Runs one check. None when there is no such check."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call: the escalation level, its policy and schedule, and until when (None: always)."""

    level: int
    person: str
    policy: str
    schedule: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunTally:
    """How many runs ended, and how many of them succeeded."""

    ended: int = 0
    succeeded: int = 0


class Tally(Protocol):
    """Counts one deployment's runs that ended between two moments. Raises `Temporary` or `Permanent`."""

    def __call__(self, since: datetime, until: datetime) -> RunTally: ...


@dataclass(frozen=True, slots=True)
class TaskDuration:
    """How long one task's successes take lately and took before: how many, and nearest-rank percentiles in seconds."""

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
        """By how many seconds the median has grown."""
        return self.p50 - self.p50_before


@dataclass(frozen=True, slots=True)
class RunSeen:
    """One run, its state in Airflow's own words. `seconds` is its duration, None while it has not ended."""

    run_id: str
    state: str
    started: datetime | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """One task over several runs: how many task instances ended and failed, tries beyond the first, and how long a
    success takes (seconds; None when there was none)."""

    task_id: str
    ended: int
    failed: int
    retries: int
    p50: float | None = None
    p95: float | None = None


class History(Protocol):
    """One deployment's run history. Raises `Temporary` or `Permanent`."""

    def slow(self, since: datetime, lately: datetime) -> list[TaskDuration]:
        """Every task that succeeded both before and after `lately`; runs older than `since` are ignored."""

    def runs(self, dag_id: str, since: datetime) -> list[RunSeen]:
        """The runs of a DAG that started since then, newest first."""

    def tasks(self, dag_id: str, since: datetime) -> list[TaskSeen]:
        """The tasks of those runs."""

    @property
    def source(self) -> str:
        """The source that an answer's last line names: `metastore`, or what the API was asked for."""
