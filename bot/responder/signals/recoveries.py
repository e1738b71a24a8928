"""Asks Airflow whether what failed has recovered, and reports it as a signal.

A task that was marked success by hand fires no hook, and a report of success can be lost; both are detected here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.core.airflow.protocol import Airflow, Run, TaskInstance
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import OPEN_STATES, Subject
from bot.core.signals.signal import Family, Signal
from bot.responder.services import Services
from bot.store import incidents

logger = logging.getLogger(__name__)
INCIDENTS_ASKED = 25
RUNS_OF_AN_INCIDENT = 10


def follow(services: Services, report: Callable[[Sequence[Signal]], object]) -> None:
    """Reports recoveries in Airflow that no hook has reported."""
    with services.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=INCIDENTS_ASKED)
        sick = {i.id: incidents.subjects_of(t, i.id, sick=True, limit=500) for i in found}
    for incident in found:
        airflow = services.airflows.get(incident.deployment)
        if airflow is None:
            continue
        try:
            healed = _healed(airflow, incident.deployment, sick[incident.id], services.clock())
        except (Temporary, Permanent) as error:
            logger.info("%s was not followed: %s", incident.name, error.message)
            continue
        if healed:
            report(healed)


def _healed(airflow: Airflow, deployment: str, sick: Sequence[Subject], now: datetime) -> list[Signal]:
    tasks = [subject for subject in sick if subject.family is Family.task]
    runs = list(dict.fromkeys((subject.dag_id, subject.run_id) for subject in tasks))[:RUNS_OF_AN_INCIDENT]
    wanted = {subject.ref: subject for subject in tasks}
    told: list[Signal] = []
    for dag_id, run_id in runs:
        for instance in airflow.task_instances(dag_id, run_id, states=("success", "skipped")):
            if instance.ref in wanted and _later(instance, wanted[instance.ref]):
                told.append(_well(deployment, instance, wanted[instance.ref], now))
    failed_runs = [subject for subject in sick if subject.family in {Family.run, Family.late} and subject.run_id]
    for subject in failed_runs[:RUNS_OF_AN_INCIDENT]:
        run = airflow.run(subject.dag_id, subject.run_id)
        if run is not None and run.state == "success":
            told.append(_run_well(deployment, subject, run, now))
    return told


def _later(instance: TaskInstance, failed: Subject) -> bool:
    """Whether it ended after that failure. A success of the failed try itself counts too: a person marked it."""
    return instance.end_date is None or instance.end_date > failed.failed_at - timedelta(minutes=1)


def _well(deployment: str, instance: TaskInstance, failed: Subject, now: datetime) -> Signal:
    """The recovery signal. A state set by hand keeps the old end, so it recovered at the moment we saw it."""
    ref = instance.ref
    marked = instance.end_date is None or instance.end_date <= failed.failed_at + timedelta(seconds=1)
    at = now if marked or instance.end_date is None else min(instance.end_date, now)
    return Signal(
        kind="task_succeeded", deployment=deployment, occurred_at=at, dag_id=ref.dag_id,
        run_id=ref.run_id, task_id=ref.task_id, map_index=ref.map_index, try_number=instance.try_number,
        state=instance.state, source="sweep",
        sentence=f"{ref.dag_id}.{ref.label} was marked {instance.state}" if marked else "",
    )  # fmt: skip


def _run_well(deployment: str, subject: Subject, run: Run, now: datetime) -> Signal:
    return Signal(
        kind="run_succeeded", deployment=deployment, occurred_at=min(run.end_date or now, now), dag_id=subject.dag_id,
        run_id=subject.run_id, try_number=subject.try_number, state=run.state, source="sweep",
    )  # fmt: skip
