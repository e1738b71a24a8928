"""What an Airflow says about itself: heartbeats, import errors, pools.

A component that isn't deployed is not unhealthy. What Airflow doesn't say is None, and is taken for neither good nor
bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Component:
    """A part of Airflow that beats: `healthy` is Airflow's own verdict, None when it does not run there."""

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
    """One process of Airflow that beats; `kind` is scheduler, triggerer or dag_processor.

    3.x names each; on 2.x, which has no such list, it is the newest of its kind as `health` reports it, without host.
    """

    kind: str
    hostname: str
    state: str
    latest_heartbeat: datetime | None
    is_alive: bool


@dataclass(frozen=True, slots=True)
class ImportFault:
    """One DAG file that does not import. `filename` as Airflow reports it (absolute on 2.x, in its bundle on 3.x)."""

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
