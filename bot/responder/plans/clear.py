"""Clearing: of an alert, of what somebody named, of every run of a window.

Hard case: a window of a DAG that runs every minute (bounded, and refused with the number). Rule: each run is a scope of its
own, so that its exact list is shown and executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow, Run, Scope, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.incident import Incident, State, Subject
from bot.core.remediation import Plan
from bot.core.signals.signal import Family
from bot.responder.access.authorization import may
from bot.responder.dry_run import scopes_of
from bot.responder.plans.draft import MOST_RUNS, PATIENCE, UNCONFIRMED, audit, draw_up
from bot.responder.services import Desk
from bot.store import incidents


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when, both ends belong to it."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


def plan_retry(desk: Desk, person: Person, incident_id: int, channel: str) -> Plan | Refused:
    """Clear everything of an incident that is still sick, and what waits for it."""
    refused = may(desk, person, "clear", f"A-{incident_id}", incident_id)
    found = refused or _sick(desk, incident_id)
    if isinstance(found, Refused):
        if refused is None:
            audit(desk, person, "clear", f"A-{incident_id}", found.reason, allowed=True, incident_id=incident_id)
        return found
    incident, tasks = found
    scopes = scopes_of(tasks)
    if len(scopes) > MOST_RUNS:
        return Refused(f"{incident.name} touches {len(scopes)} runs; one confirmation takes at most {MOST_RUNS}.",
                       "clear DAG@RUN failed")  # fmt: skip
    return plan_clear(desk, person, incident.deployment, scopes, channel, incident_id)


def sick_tasks(desk: Desk, incident_id: int) -> tuple[str, list[TaskRef]] | Refused:
    """The deployment and the task instances of an incident that are still sick."""
    found = _sick(desk, incident_id)
    if isinstance(found, Refused):
        return found
    incident, tasks = found
    return incident.deployment, list(dict.fromkeys(subject.ref for subject in tasks))


def _sick(desk: Desk, incident_id: int) -> tuple[Incident, list[Subject]] | Refused:
    with desk.store.read() as t:
        incident = incidents.get(t, incident_id)
        sick = incidents.subjects_of(t, incident_id, sick=True)
    if incident is None:
        return Refused(f"There is no alert A-{incident_id}.", "open")
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved; nothing of it is left to retry.", f"reopen {incident.name}")
    tasks = [subject for subject in sick if subject.family is Family.task]
    if not tasks:
        return Refused(
            f"{incident.name} is about no task instance, so there is nothing to clear or mark.",
            f"runbook {incident.name}",
        )
    return incident, tasks


def plan_clear(
    desk: Desk, person: Person, deployment: str, scopes: Sequence[Scope], channel: str, incident_id: int | None = None
) -> Plan | Refused:
    """What clearing the scopes would touch."""
    return draw_up(desk, person, "clear", deployment, channel, incident_id=incident_id, scopes=scopes)


def runs_within(airflow: Airflow, dag_id: str, window: Window) -> list[Run] | Refused:
    """The runs of a window, oldest first."""
    try:
        with airflow.within(PATIENCE):
            found = airflow.runs(dag_id, limit=MOST_RUNS + 1, since=window.start, until=window.end)
    except (Temporary, Permanent) as error:
        return Refused(f"{UNCONFIRMED} {error.message}", "status")
    if not found:
        return Refused(f"{UNCONFIRMED} `{dag_id}` has no run from {window}.", f"runs {dag_id}")
    if len(found) > MOST_RUNS:
        return Refused(
            f"{UNCONFIRMED} `{dag_id}` has more than {MOST_RUNS} runs from {window}; one confirmation takes at most {MOST_RUNS}.",
            "",
        )
    return found[::-1]
