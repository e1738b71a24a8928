"""Collects what a batch of observations changes, and writes it at the end in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from bot.core.incidents import lifecycle
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.routing import Silence
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.store import alerts, incidents


@dataclass
class Changes:
    """The working copy of one batch: incidents by id as they change, and what is written at its end."""

    now: datetime
    silences: Sequence[Silence]
    known: dict[int, Incident] = field(default_factory=dict)
    by_key: dict[str, Incident] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    sick: list[tuple[int, Signal]] = field(default_factory=list)
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    silent_runs: dict[str, int] = field(default_factory=dict)  # a failed run without a reported task → its incident
    warned: dict[str, int] = field(default_factory=dict)  # a retried thing → the incident that warns about it

    def keep(self, observation: lifecycle.Observation) -> Incident:
        incident = observation.incident
        self.known[incident.id] = self.by_key[incident.key] = incident
        self.changed.add(incident.id)
        if observation.entry is not None:
            self.entries.append((incident.id, observation.entry))
        return incident


def known_in(t: Connection, changes: Changes, incident_id: int) -> Incident:
    if incident_id not in changes.known:
        changes.known[incident_id] = incidents.many(t, [incident_id])[0]
    return changes.known[incident_id]


def flush_subjects(t: Connection, changes: Changes) -> None:
    incidents.add_subjects(t, changes.sick)
    changes.sick = []


def write(services: Services, t: Connection, changes: Changes) -> None:
    flush_subjects(t, changes)
    # resolved incidents first: another one of this batch may have taken their key
    for changed in sorted(
        (changes.known[i] for i in changes.changed), key=lambda i: (i.state is not State.resolved, i.id)
    ):
        incidents.save(t, changed)
        alerts.ring(t, changed, services.pagers)
    for incident_id, entry in changes.entries:
        incidents.add_entry(t, incident_id, entry)
