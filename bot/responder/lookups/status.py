"""The answer to `status`: the state of every deployment, and the open incidents."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.airflow.protocol import Airflow, Health
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import OPEN_STATES
from bot.core.incidents.view import DeploymentStatus, Status
from bot.core.signals.signal import Family
from bot.responder.alerts.views import open_views
from bot.responder.services import Services
from bot.store import incidents
from bot.store.signals import coverage
from bot.store.silences import active_silences

PATIENCE = 10.0  # seconds for one deployment's status


def status(services: Services) -> Status:
    """Asks every deployment at once, each with its own time limit, and adds the open incidents."""
    gateways = list(services.airflows.values())
    with ThreadPoolExecutor(max_workers=max(1, min(8, len(gateways)))) as pool:
        asked = list(pool.map(lambda airflow: _in_time(airflow, services.clock()), gateways))
    with services.store.read() as t:
        silences = [(silence.id, silence.until) for silence in active_silences(t, services.clock())]
    findings = _findings(services)
    deployments = [replace(one, findings=findings.get(one.name, ())) for one in _covered(services, asked)]
    return Status(deployments, open_views(services), services.clock(), silences)


def _covered(services: Services, deployments: Sequence[DeploymentStatus]) -> list[DeploymentStatus]:
    """Adds how many failures of the last day each Airflow knows, and what reported them first."""
    since = services.clock() - timedelta(days=1)
    with services.store.read() as t:
        told = {one.name: coverage.coverage(t, one.name, since) for one in deployments}
    return [
        replace(one, failures_known=told[one.name].known, failures_by_hook=told[one.name].told.get(coverage.HOOK, 0),
                failures_by_sweep=told[one.name].told.get(coverage.SWEEP, 0))
        for one in deployments
    ]  # fmt: skip


def _findings(services: Services) -> dict[str, Sequence[str]]:
    """What the checks found and has not recovered yet, by deployment."""
    found: dict[str, list[str]] = {}
    with services.store.read() as t:
        for incident in incidents.listed(t, OPEN_STATES):
            if incident.family in {Family.check, Family.file}:
                found.setdefault(incident.deployment, []).append(incident.exemplar.sentence or incident.exemplar.label)
    return {name: tuple(sentences) for name, sentences in found.items()}


def _in_time(airflow: Airflow, now: datetime) -> DeploymentStatus:
    """Asks one deployment with a time limit, so that one that hangs doesn't delay the others."""
    with airflow.within(PATIENCE):
        return ask_deployment(airflow, now)


def ask_deployment(airflow: Airflow, now: datetime) -> DeploymentStatus:
    """One deployment's health; an error becomes a sentence in `trouble`."""
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
