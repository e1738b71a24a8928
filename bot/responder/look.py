"""Looking: one incident as a view, and everything as a status.

Hard case: a deployment that does not answer. It becomes a sentence in the status and harms no other. Rule: looking changes
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.core.airflow.protocol import Airflow, Health
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Kind
from bot.core.incidents.incident import OPEN_STATES, RECENT, Incident
from bot.core.incidents.view import DeploymentStatus, Status, View
from bot.core.signals.signal import Family
from bot.responder.desk import Desk
from bot.store import alerts, coverage, incidents, memory, remediations

SICK_SHOWN = 200
PATIENCE = 10.0  # seconds for one deployment's status


def view(desk: Desk, t: Connection, incident: Incident) -> View:
    """The incident as it is now, with all that a message may say about it."""
    now = desk.clock()
    signal, airflow = incident.exemplar, desk.airflows.get(incident.deployment)
    page = next((a for a in alerts.of_incident(t, incident.id) if a.place.kind is Kind.pagerduty), None)
    book = desk.runbook(incident.runbook)
    looked = View(
        incident=incident, counts=incidents.counts(t, incident.id, now - RECENT), now=now,
        timeline=incidents.timeline(t, incident.id), sick=incidents.subjects_of(t, incident.id, sick=True, limit=SICK_SHOWN),
        remediation=remediations.latest(t, incident.id), runbook=book,
        runbook_url=f"{desk.public_url}/runbooks/{book.name}" if book and desk.public_url else "",
        several_deployments=len(desk.airflows) > 1, can_act=airflow is not None,
        page_said=page.said if page else "", page_error=page.error if page else "",
    )  # fmt: skip
    if airflow is None or not signal.run_id:
        return replace(looked, task_url=signal.log_url)
    return replace(looked, run_url=_run_url(airflow, signal.dag_id, signal.run_id), task_url=signal.log_url)


def _run_url(airflow: Airflow, dag_id: str, run_id: str) -> str:
    try:
        return airflow.run_url(dag_id, run_id)
    except (Temporary, Permanent):  # the link differs by major, and that deployment could not be asked yet
        return ""


def view_of(desk: Desk, incident_id: int) -> View | None:
    """One incident's view by its number."""
    with desk.store.read() as t:
        incident = incidents.get(t, incident_id)
        return None if incident is None else view(desk, t, incident)


def open_views(desk: Desk, limit: int = 50) -> list[View]:
    """Open incidents, critical ones first, then the newest."""
    with desk.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=limit)
        views = [view(desk, t, incident) for incident in found]
    return sorted(views, key=lambda one: (-one.incident.severity.rank, -one.incident.id))


def status(desk: Desk) -> Status:
    """Every deployment asked at once, each within its own time, and the open incidents."""
    gateways = list(desk.airflows.values())
    with ThreadPoolExecutor(max_workers=max(1, min(8, len(gateways)))) as pool:
        asked = list(pool.map(lambda airflow: _in_time(airflow, desk.clock()), gateways))
    with desk.store.read() as t:
        silences = [(silence.id, silence.until) for silence in memory.active_silences(t, desk.clock())]
    findings = _findings(desk)
    deployments = [replace(one, findings=findings.get(one.name, ())) for one in _covered(desk, asked)]
    return Status(deployments, open_views(desk), desk.clock(), silences)


def _covered(desk: Desk, deployments: Sequence[DeploymentStatus]) -> list[DeploymentStatus]:
    """How many failures of the last day each Airflow knows, and who told them first."""
    since = desk.clock() - timedelta(days=1)
    with desk.store.read() as t:
        told = {one.name: coverage.coverage(t, one.name, since) for one in deployments}
    return [
        replace(one, failures_known=told[one.name].known, failures_by_hook=told[one.name].told.get(coverage.HOOK, 0),
                failures_by_sweep=told[one.name].told.get(coverage.SWEEP, 0))
        for one in deployments
    ]  # fmt: skip


def _findings(desk: Desk) -> dict[str, Sequence[str]]:
    """What the checks found and is not well yet, by deployment."""
    found: dict[str, list[str]] = {}
    with desk.store.read() as t:
        for incident in incidents.listed(t, OPEN_STATES):
            if incident.family in {Family.check, Family.file}:
                found.setdefault(incident.deployment, []).append(incident.exemplar.sentence or incident.exemplar.label)
    return {name: tuple(sentences) for name, sentences in found.items()}


def _in_time(airflow: Airflow, now: datetime) -> DeploymentStatus:
    """One that hangs keeps nobody waiting for the others' answers."""
    with airflow.within(PATIENCE):
        return ask_deployment(airflow, now)


def ask_deployment(airflow: Airflow, now: datetime) -> DeploymentStatus:
    """One deployment's health in a record; trouble becomes a sentence."""
    try:
        health = airflow.health()
        version = airflow.version
    except (Temporary, Permanent) as error:
        return DeploymentStatus(airflow.name, trouble=error.message)
    status = DeploymentStatus(
        airflow.name, version=version, answer_seconds=health.seconds, components=_components(health, now)
    )
    try:
        dags, faults, pools = airflow.dags(limit=1_000), airflow.import_errors(), airflow.pools()
    except (Temporary, Permanent):
        return status
    active = sum(not dag.is_paused for dag in dags)
    running, queued = sum(pool.running for pool in pools), sum(pool.queued for pool in pools)
    return replace(
        status, dags_active=active, dags_total=len(dags), import_errors=len(faults), running=running, queued=queued
    )


def _components(health: Health, now: datetime) -> tuple[tuple[str, bool | None, float | None], ...]:
    return tuple(
        (part.name, part.healthy, (now - part.heartbeat).total_seconds() if part.heartbeat else None)
        for part in health.components
    )
