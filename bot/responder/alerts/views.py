"""Gathers one incident, or every open one, into the view that alerts are rendered from. Reading changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Alert, Kind
from bot.core.incidents.incident import OPEN_STATES, RECENT, Incident, Subject
from bot.core.incidents.view import View
from bot.responder.services import Services
from bot.store import alerts, incidents, remediations

SICK_SHOWN = 200


def view(services: Services, t: Connection, incident: Incident) -> View:
    """The incident as it is now, with all that a message may say about it."""
    now = services.clock()
    signal, airflow = incident.exemplar, services.airflows.get(incident.deployment)
    page = _page(alerts.of_incident(t, incident.id))
    book = services.runbook(incident.runbook)
    looked = View(
        incident=incident, counts=incidents.counts(t, incident.id, now - RECENT), now=now,
        timeline=incidents.timeline(t, incident.id), sick=incidents.subjects_of(t, incident.id, sick=True, limit=SICK_SHOWN),
        remediation=remediations.latest(t, incident.id), runbook=book,
        runbook_url=f"{services.public_url}/runbooks/{book.name}" if book and services.public_url else "",
        several_deployments=len(services.airflows) > 1, can_act=airflow is not None,
        pager=services.pagers.get(page.place.target, page.place.target) if page else "",
        page_said=page.said if page else "", page_error=page.error if page else "",
    )  # fmt: skip
    if airflow is None or not signal.run_id:
        return replace(looked, task_url=signal.log_url)
    return replace(looked, run_url=_run_url(airflow, signal.dag_id, signal.run_id), task_url=signal.log_url)


def _page(shown: Sequence[Alert]) -> Alert | None:
    """Of several pagers the one that paged, else one that failed to."""
    pages = [alert for alert in shown if alert.place.kind is Kind.pager]
    return min(pages, key=lambda alert: (alert.said != "trigger", not alert.error), default=None)


def _run_url(airflow: Airflow, dag_id: str, run_id: str) -> str:
    try:
        return airflow.run_url(dag_id, run_id)
    except (Temporary, Permanent):  # the link depends on the major version, and the deployment has not answered yet
        return ""


def view_of(services: Services, incident_id: int) -> View | None:
    """One incident's view by its number; None when it does not exist."""
    with services.store.read() as t:
        incident = incidents.get(t, incident_id)
        return None if incident is None else view(services, t, incident)


def open_views(services: Services, limit: int = 50) -> list[View]:
    """Open incidents, critical ones first, then the newest."""
    with services.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=limit)
        views = [view(services, t, incident) for incident in found]
    return sorted(views, key=lambda one: (-one.incident.severity.rank, -one.incident.id))


def thread_of(services: Services, incident_id: int, channel: str = "") -> tuple[str, str] | None:
    """Where an incident's message stands in Slack: its channel's id and its timestamp, in the given channel if it is shown
    there as well. None if it is not shown yet."""
    with services.store.read() as t:
        shown = [alert for alert in alerts.of_incident(t, incident_id) if alert.channel_id and alert.ref]
    found = next((alert for alert in shown if alert.channel_id == channel), next(iter(shown), None))
    return (found.channel_id, found.ref) if found else None


def subjects_of(services: Services, incident_id: int, limit: int | None = None) -> list[Subject]:
    """Everything that an incident is about, oldest first."""
    with services.store.read() as t:
        return incidents.subjects_of(t, incident_id, limit=limit)
