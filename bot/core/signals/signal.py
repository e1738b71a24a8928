"""A signal is one report that something is wrong or has recovered, and what it is about.

A signal never changes. `identity` alone decides whether a second report is a duplicate; the opposite report
(`import_fixed` for `import_error`) clears it, so that the next occurrence is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

SKEW = timedelta(minutes=1)  # how far the clocks of two workers may be apart
SEPARATOR = "\x1f"  # identifiers can't hold control characters, so joined names stay distinct


class Mood(StrEnum):
    """What a kind says about its subject."""

    sick = "sick"
    well = "well"
    neutral = "neutral"  # worth keeping, but changes nothing alone


class Family(StrEnum):
    """What kind of thing a signal is about; it decides which fields name the subject."""

    task = "task"
    run = "run"
    late = "late"
    file = "file"
    check = "check"
    external = "external"


KINDS: dict[str, tuple[Family, Mood]] = {
    "task_failed": (Family.task, Mood.sick),
    "task_retrying": (Family.task, Mood.neutral),
    "task_succeeded": (Family.task, Mood.well),
    "run_failed": (Family.run, Mood.sick),
    "run_succeeded": (Family.run, Mood.well),
    "sla_missed": (Family.late, Mood.sick),
    "deadline_missed": (Family.late, Mood.sick),
    "import_error": (Family.file, Mood.sick),
    "import_fixed": (Family.file, Mood.well),
    "check_failed": (Family.check, Mood.sick),
    "check_ok": (Family.check, Mood.well),
    "external": (Family.external, Mood.sick),
}
OPPOSITE = {
    "run_failed": "run_succeeded",
    "run_succeeded": "run_failed",
    "import_error": "import_fixed",
    "import_fixed": "import_error",
    "check_failed": "check_ok",
    "check_ok": "check_failed",
}
CHECK_SEVERITIES = ("", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class Fault:
    """The exception of a failure: type as people write it (`psycopg.OperationalError`), message, traceback."""

    type: str = ""
    message: str = ""
    traceback: str = ""

    def __bool__(self) -> bool:
        return bool(self.type or self.message or self.traceback)


@dataclass(frozen=True)
class Signal:
    """One report. Unknown strings are empty, `map_index` is -1 for an unmapped task, times are aware UTC."""

    kind: str
    deployment: str
    occurred_at: datetime
    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    max_tries: int | None = None
    file: str = ""
    check: str = ""
    name: str = ""
    state: str = ""
    source: str = ""
    owner: str = ""
    operator: str = ""
    hostname: str = ""
    pool: str = ""
    queue: str = ""
    log_url: str = ""
    sentence: str = ""
    severity: str = ""
    runbook: str = ""
    logical_date: str = ""
    tags: tuple[str, ...] = ()
    exception: Fault = field(default_factory=Fault)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        return KINDS[self.kind][0]

    @property
    def mood(self) -> Mood:
        if self.kind == "external" and self.state in {"resolved", "ok", "well"}:
            return Mood.well
        return KINDS[self.kind][1]

    @cached_property
    def thing(self) -> str:
        """What the signal is about, without the try: the thing that can recover."""
        return thing_key(self.family, self.deployment, *self._names())

    @cached_property
    def identity(self) -> str:
        """Two reports are duplicates if this is equal: kind, deployment and the subject down to map index and try. A
        check that becomes worse is news; one that is as bad as before is not."""
        return self._identity(self.kind, self.mood, self.severity)

    def opposites(self) -> tuple[str, ...]:
        """Identities that may be reported again after this signal: a file that was fixed may break once more."""
        if self.kind == "external":
            return (self._identity("external", Mood.well if self.mood is Mood.sick else Mood.sick),)
        kind = OPPOSITE.get(self.kind)
        if not kind:
            return ()
        words = CHECK_SEVERITIES if kind == "check_failed" else ("",)
        return tuple(self._identity(kind, KINDS[kind][1], word) for word in words)

    def heals(self) -> tuple[str, ...]:
        """The keys of the things that this signal reports as recovered; empty if there are none."""
        if self.mood is not Mood.well:
            return ()
        late = thing_key(Family.late, self.deployment, self.dag_id, self.run_id, self.task_id)
        return (self.thing, late) if self.dag_id else (self.thing,)

    def is_older_than(self, failed_at: datetime, try_number: int) -> bool:
        """Whether this recovery was reported before that failure and only arrives after it. Airflow counts tries; where
        there are none, workers' clocks may be a minute apart, while a single sender has one clock."""
        if self.family is Family.task and self.try_number and try_number:
            return self.try_number < try_number
        skew = SKEW if self.family in {Family.task, Family.run, Family.late} else timedelta(0)
        return self.occurred_at < failed_at - skew

    @property
    def run(self) -> str:
        """The key of the DAG run that this belongs to; empty when there is none."""
        return SEPARATOR.join((self.deployment, self.dag_id, self.run_id)) if self.run_id else ""

    @property
    def label(self) -> str:
        """`sales_daily.load[6]`, the way people write it."""
        if self.family is Family.file:
            return self.file
        if self.family is Family.check:
            return f"{self.check} {self.name}".strip()
        task = self.task_id and (self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]")
        return ".".join(part for part in (self.dag_id, task) if part) or self.name

    def _identity(self, kind: str, mood: Mood, severity: str = "") -> str:
        worse = severity if kind == "check_failed" and severity in CHECK_SEVERITIES else ""
        return SEPARATOR.join((kind, mood, self.thing, str(self.try_number), worse))

    def _names(self) -> tuple[str | int, ...]:
        match self.family:
            case Family.task:
                return (self.dag_id, self.run_id, self.task_id, self.map_index)
            case Family.run:
                return (self.dag_id, self.run_id)
            case Family.late:
                return (self.dag_id, self.run_id, self.task_id)
            case Family.file:
                return (self.file,)
            case Family.check:
                return (self.check, self.name)
            case _:
                return (self.name,)


def thing_key(family: Family, deployment: str, *names: str | int) -> str:
    """The stored key of a thing. Its names are joined by a character that no identifier may hold."""
    return SEPARATOR.join((family, deployment, *(str(name) for name in names)))


def task_thing(deployment: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """The key of one task instance."""
    return thing_key(Family.task, deployment, dag_id, run_id, task_id, map_index)
