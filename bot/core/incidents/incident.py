"""The incident, its timeline entries and its subjects, as frozen values.

Every change raises `version` by one, and that alone makes an alert owed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.core.access import Person
from bot.core.airflow.protocol import TaskRef
from bot.core.incidents.routing import Severity, Silence
from bot.core.signals.signal import Family, Signal

RECENT = timedelta(minutes=5)
LATER_RUN = "later run"  # `Entry.what` for a later run that succeeded but resolves nothing


class State(StrEnum):
    """Open: no one has taken it yet. Acknowledged: a person has it. Resolved: it is over."""

    open = "open"
    acknowledged = "acknowledged"
    resolved = "resolved"


def number_of(text: str) -> int | None:
    """The number of an incident written as `12`, `A-12` or `a-12`; None for any other text."""
    digits = text.strip().upper().removeprefix("A-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


OPEN_STATES = (State.open.value, State.acknowledged.value)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. `who` is a person's name, or empty for Windsock and Airflow; `what` is one word (opened,
    reopened, acknowledged, asked, cleared, resolved, …); `text` is a plain sentence without markup."""

    at: datetime
    what: str
    text: str
    who: str = ""
    who_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident. `exemplar` is the failing signal that a message shows, usually the latest; `times` counts how often
    it was opened; `context` holds what Airflow reported about it since; `escalated_at` is when it was escalated: an
    earlier holder or silence no longer prevents a page."""

    id: int
    key: str
    deployment: str
    family: Family
    state: State
    severity: Severity
    signature: str
    masked: str
    channel: str
    version: int
    opened_at: datetime
    last_at: datetime
    exemplar: Signal
    route: str = "root"
    runbook: str = ""
    times: int = 1
    reopened_at: datetime | None = None
    holder: Person | None = None
    held_at: datetime | None = None
    last_holder: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: str = ""
    silence: Silence | None = None
    page_at: datetime | None = None
    escalated_at: datetime | None = None
    mention: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`A-12`, the way people write it."""
        return f"A-{self.id}"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that an incident is about. `well_at` is when it recovered (None: it still fails)."""

    incident_id: int
    family: Family
    deployment: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    name: str
    hostname: str
    source: str
    failed_at: datetime
    well_at: datetime | None

    @property
    def ref(self) -> TaskRef:
        """The subject as a task instance, for calls to Airflow."""
        return TaskRef(self.dag_id, self.run_id, self.task_id, self.map_index)


@dataclass(frozen=True, slots=True)
class Counts:
    """How large an incident is: `failures` counts subjects down to the try (retries don't count), `things` ignores the
    try, `sick` counts those that have not recovered, `recent` those since a given moment; `dags` pairs each DAG with
    its failures, largest first."""

    failures: int = 0
    things: int = 0
    sick: int = 0
    recent: int = 0
    dags: tuple[tuple[str, int], ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None
