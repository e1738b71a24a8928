"""Incidents as plain values for other programs. The HTTP edge and the command line show the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.core.incidents.alert import Alert
from bot.core.incidents.cause import phrase
from bot.core.incidents.incident import RECENT, Entry, Incident, Subject
from bot.core.incidents.routing import RETRYING
from bot.core.redaction import redact
from bot.responder.services import Services
from bot.store import alerts, incidents
from bot.store.database import Store

PAGE = 100


def page(services: Services, states: Sequence[str], before: int | None) -> dict[str, Any]:
    """One page of incidents, newest first; `next` is the path of the following page, None on the last."""
    with services.store.read() as t:
        found = incidents.listed(t, states, before, PAGE + 1)
        shown = [_summary(services, t, incident) for incident in found[:PAGE]]
    following = None
    if len(found) > PAGE:
        asked = "".join(f"state={state}&" for state in states)
        following = f"/v1/incidents?{asked}before={found[PAGE - 1].id}"
    return {"incidents": shown, "next": following}


def one(services: Services, incident_id: int) -> dict[str, Any] | None:
    """One incident with all its subjects and its timeline; None when it does not exist."""
    with services.store.read() as t:
        incident = incidents.get(t, incident_id)
        if incident is None:
            return None
        return _summary(services, t, incident) | {
            "subjects": [_subject(subject) for subject in incidents.subjects_of(t, incident_id)],
            "timeline": [_entry(entry) for entry in incidents.timeline(t, incident_id)],
        }


def _summary(services: Services, t: Connection, incident: Incident) -> dict[str, Any]:
    counted = incidents.counts(t, incident.id, services.clock() - RECENT)
    return {
        "id": incident.id, "name": incident.name, "state": incident.state.value, "severity": incident.severity.value,
        "title": title(services, incident), "signature": incident.signature, "deployment": incident.deployment,
        "version": incident.version, "opened_at": _time(incident.opened_at), "last_at": _time(incident.last_at),
        "resolved_at": _time(incident.resolved_at), "holder": incident.holder.name if incident.holder else None,
        "counts": {"failures": counted.failures, "things": counted.things, "sick": counted.sick, "dags": len(counted.dags)},
        "alerts": [_alert(alert) for alert in alerts.of_incident(t, incident.id)],
    }  # fmt: skip


def title(services: Services, incident: Incident) -> str:
    """A headline such as `sales_daily.load failed: the database refused the connection`."""
    signal = incident.exemplar
    if signal.sentence:
        return redact(signal.sentence)
    why = phrase(signal, services.runbook(incident.runbook))
    happened = "is tried again" if signal.kind == RETRYING else "failed"
    return redact(signal.label) + f" {happened}" + (f": {why}" if why else "")


def _alert(alert: Alert) -> dict[str, Any]:
    return {"place": str(alert.place), "shown": alert.shown, "ref": alert.ref, "error": alert.error or None}


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "dag_id": redact(subject.dag_id), "run_id": redact(subject.run_id),
        "task_id": redact(subject.task_id), "map_index": subject.map_index,
        "try_number": subject.try_number, "name": redact(subject.name), "hostname": subject.hostname, "source": subject.source,
        "failed_at": _time(subject.failed_at), "well_at": _time(subject.well_at),
    }  # fmt: skip


def _entry(entry: Entry) -> dict[str, Any]:
    return {"at": _time(entry.at), "who": entry.who, "what": entry.what, "text": entry.text}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def summary_line(summary: dict[str, Any]) -> str:
    """One incident as one line for a terminal."""
    counted = summary["counts"]["failures"]
    return f"{summary['name']:6} {summary['state']:12} {summary['severity']:8} {counted:6}  {summary['title']}"


def markdown(store: Store, incident_id: int) -> str | None:
    """A timeline for a post-mortem, as Markdown; None when there is no such incident."""
    with store.read() as t:
        incident = incidents.get(t, incident_id)
        if incident is None:
            return None
        lines, subjects = incidents.timeline(t, incident_id), incidents.subjects_of(t, incident_id)
    head = [
        f"# {incident.name}: {redact(incident.exemplar.label)}",
        "",
        f"- opened {incident.opened_at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if incident.resolved_at:
        head.append(f"- resolved {incident.resolved_at:%Y-%m-%d %H:%M:%S} UTC")
    if incident.masked:
        head.append(f"- cause `{incident.signature}`: {incident.exemplar.exception.type} {incident.masked}")
    head += [f"- {len(subjects)} failures", "", "| UTC | who | what |", "|---|---|---|"]
    rows = [f"| {e.at:%H:%M:%S} | {e.who or 'Windsock'} | {_cell(e.text)} |" for e in lines]
    return "\n".join(head + rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
