"""What an Airflow reports about itself: heartbeats, import errors, pools.

A component that isn't deployed is not unhealthy. What Airflow doesn't report is None, which means neither good nor bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Component:
    """A part of Airflow with a heartbeat. `healthy` is Airflow's own verdict, None when the part does not run there."""

    name: str  # scheduler, triggerer, dag_processor, metadatabase
    healthy: bool | None
    heartbeat: datetime | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of Airflow's health endpoint, and how long it took in seconds."""

    components: tuple[Component, ...]
    seconds: float

    def __getitem__(self, name: str) -> Component | None:
        return next((part for part in self.components if part.name == name), None)


@dataclass(frozen=True, slots=True)
class Job:
    """One Airflow process with a heartbeat; `kind` is scheduler, triggerer or dag_processor.

    3.x lists each. 2.x has no such list, so there it is the newest of its kind as `health` reports it, without host.
    """

    kind: str
    hostname: str
    state: str
    latest_heartbeat: datetime | None
    is_alive: bool


@dataclass(frozen=True, slots=True)
class ImportFault:
    """One DAG file that fails to import. `filename` is as Airflow reports it: absolute on 2.x, in its bundle on 3.x."""

    filename: str
    stacktrace: str
    seen_at: datetime | None = None
    bundle: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool; all figures are slots."""

    name: str
    slots: int
    running: int
    queued: int
    scheduled: int
    deferred: int
    open: int
