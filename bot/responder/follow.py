"""Following Airflow after a failure: what else there is to know about it, and whether it is well again by now.

Hard cases: a task marked success by hand (no hook tells it); a success whose report was lost. Both are seen here, and told
through the same throat as everything else. Rule: Airflow is asked in bounded numbers, and never on the way to the first
message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.airflow.protocol import Airflow, Run, TaskInstance
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import OPEN_STATES, Incident, Subject
from bot.core.signals.signal import Family, Signal
from bot.responder.desk import Desk
from bot.responder.press import learn
from bot.store import incidents

logger = logging.getLogger(__name__)
RUNS_ASKED = 20
INCIDENTS_ASKED = 25
RUNS_OF_AN_INCIDENT = 10
IDLE_SECONDS = 5.0


def learn_loop(desk: Desk, stop: threading.Event) -> None:
    """Learns about new incidents until told to stop."""
    while not stop.is_set():
        desk.news.wait(IDLE_SECONDS)
        desk.news.clear()
        try:
            learn_news(desk)
        except Exception:  # context is a convenience: its trouble never stops the bot
            logger.exception("learning about incidents failed")


def learn_news(desk: Desk) -> None:
    """Asks Airflow about each open incident that nothing was asked about since it opened."""
    with desk.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=INCIDENTS_ASKED)
    for incident in found:
        airflow = desk.airflows.get(incident.deployment)
        if airflow is not None and incident.exemplar.dag_id and incident.context.get("of") != _occasion(incident):
            try:
                learn(desk, incident.id, {"of": _occasion(incident), **context(airflow, incident, desk.clock())})
            except (Temporary, Permanent) as error:
                logger.info("nothing learnt about %s: %s", incident.name, error.message)


def _occasion(incident: Incident) -> str:
    """Which failure the context is about."""
    return f"{incident.times}/{incident.exemplar.run_id}"


def context(airflow: Airflow, incident: Incident, now: datetime) -> dict[str, Any]:
    """What Airflow tells about the failure; each fact only where it is known."""
    signal = incident.exemplar
    dag, runs = airflow.dag(signal.dag_id), airflow.runs(signal.dag_id, limit=RUNS_ASKED)
    known: dict[str, Any] = {}
    if dag is not None:
        known["next_run"] = (
            dag.next_run.isoformat() if dag.next_run and dag.next_run > now and not dag.is_paused else None
        )
    ended = [run for run in runs if run.state in {"success", "failed"}]
    known["recent"] = [run.state for run in reversed(ended)] if len(ended) > 1 else None
    known["last_success"] = _last_success(ended)
    if signal.run_id and signal.task_id:
        waiting = [i for i in airflow.task_instances(signal.dag_id, signal.run_id) if i.state == "upstream_failed"]
        known["waiting"] = len(waiting) or None
    return {name: value for name, value in known.items() if value is not None}


def _last_success(ended: Sequence[Run]) -> str | None:
    done = [run.end_date for run in ended if run.state == "success" and run.end_date]
    return max(done).isoformat() if done else None


def follow(desk: Desk, report: Callable[[Sequence[Signal]], object]) -> None:
    """Reports what became well again in Airflow without a hook that told it."""
    with desk.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=INCIDENTS_ASKED)
        sick = {i.id: incidents.subjects_of(t, i.id, sick=True, limit=500) for i in found}
    for incident in found:
        airflow = desk.airflows.get(incident.deployment)
        if airflow is None:
            continue
        try:
            healed = _healed(airflow, incident.deployment, sick[incident.id], desk.clock())
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
    """A success of the failed try itself is one too: somebody marked it."""
    return instance.end_date is None or instance.end_date > failed.failed_at - timedelta(minutes=1)


def _well(deployment: str, instance: TaskInstance, failed: Subject, now: datetime) -> Signal:
    """A state that was set by hand keeps the old end; it became well when we saw it."""
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
