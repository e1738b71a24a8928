"""The local PagerDuty's state: its incidents, who is on call, and the webhooks to send.

A trigger after a resolve opens a new incident under the same key; an acknowledge or resolve for an unknown or closed
incident is accepted and dropped silently. There is at most one open incident per key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

STATUS = {"acknowledge": "acknowledged", "resolve": "resolved"}
SERVICE = {"id": "PSVCDATA", "type": "service_reference", "summary": "Data pipelines"}
POLICY = {"id": "PPOLDATA", "type": "escalation_policy_reference", "summary": "Data on call"}
SCHEDULE = {"id": "PSCHDATA", "type": "schedule_reference", "summary": "data-oncall"}
PEOPLE = (("PUANA", "Ana Lima", "ana@example.com"), ("PUBEN", "Ben Okafor", "ben@example.com"))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Incident:
    id: str
    number: int
    dedup_key: str
    severity: str
    summary: str
    source: str
    status: str = "triggered"
    created_at: str = field(default_factory=now)
    by: str | None = None
    event: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def seen(self) -> dict[str, Any]:
        """The incident for `/_sandbox/incidents`."""
        names = "id number dedup_key status severity summary source created_at by events"
        links = {name: self.event.get(name) for name in ("links", "client", "client_url")}
        details = self.event.get("payload", {}).get("custom_details")
        return {name: getattr(self, name) for name in names.split()} | links | {"custom_details": details}

    def api(self, base: str) -> dict[str, Any]:
        """The incident in the format of the REST API and the webhooks."""
        urgency = "high" if self.severity in ("critical", "error") else "low"
        return {
            "id": self.id,
            "type": "incident",
            "self": f"{base}/incidents/{self.id}",
            "html_url": f"{base}/#{self.id}",
            "number": self.number,
            "incident_number": self.number,
            "status": self.status,
            "incident_key": self.dedup_key,
            "created_at": self.created_at,
            "title": self.summary,
            "service": SERVICE,
            "escalation_policy": POLICY,
            "assignees": [person(0)],
            "urgency": urgency,
            "priority": None,
            "resolve_reason": None,
        }


class Account:
    def __init__(self) -> None:
        self.incidents: list[Incident] = []

    def open(self, dedup_key: str) -> Incident | None:
        mine = (i for i in self.incidents if i.dedup_key == dedup_key and i.status != "resolved")
        return next(mine, None)

    def by_id(self, incident_id: str) -> Incident | None:
        return next((i for i in self.incidents if incident_id in (i.id, i.dedup_key)), None)

    def take(self, event: dict[str, Any]) -> tuple[Incident | None, bool]:
        """Applies a valid event. Returns the incident that it changed, and whether its status changed."""
        key, action = event["dedup_key"], event["event_action"]
        incident = self.open(key)
        changed = False
        if action == "trigger" and incident is None:
            incident, changed = self._new(key), True
        if incident is None:
            return None, False
        if action == "trigger":
            payload = event["payload"]
            incident.event, incident.summary = event, payload["summary"]
            incident.severity, incident.source = payload["severity"], payload["source"]
        else:
            changed = incident.status != STATUS[action]
            incident.status = STATUS[action]
        incident.events.append({"at": now(), "action": action, "summary": incident.summary, "by": None})
        return incident, changed

    def press(self, incident: Incident, action: str, by: str) -> None:
        """A person acknowledges or resolves. Raises ValueError if it is resolved or there is no such action."""
        if action not in STATUS:
            raise ValueError(f"action must be acknowledge or resolve, not {action!r}")
        if incident.status == "resolved":
            raise ValueError(f"{incident.id} is resolved already")
        incident.status, incident.by = STATUS[action], by
        incident.events.append({"at": now(), "action": action, "summary": incident.summary, "by": by})

    def _new(self, key: str) -> Incident:
        number = len(self.incidents) + 1
        incident = Incident(f"Q{uuid.uuid4().hex[:13].upper()}", number, key, "error", "", "")
        self.incidents.append(incident)
        return incident


def person(n: int) -> dict[str, Any]:
    user_id, name, _ = PEOPLE[n]
    return {"id": user_id, "type": "user_reference", "summary": name}


def whole_person(n: int) -> dict[str, Any]:
    user_id, name, mail = PEOPLE[n]
    return {"id": user_id, "type": "user", "summary": name, "name": name, "email": mail, "time_zone": "Etc/UTC"}


def oncalls(*, with_users: bool) -> list[dict[str, Any]]:
    """Ana first, Ben second, until eight tomorrow morning (UTC)."""
    begin = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    end = begin + timedelta(days=1)
    return [
        {
            "escalation_policy": POLICY,
            "escalation_level": n + 1,
            "schedule": SCHEDULE,
            "user": whole_person(n) if with_users else person(n),
            "start": begin.isoformat(),
            "end": end.isoformat(),
        }
        for n in range(len(PEOPLE))
    ]


def webhook(incident: Incident, word: str, base: str, agent: dict[str, Any] | None) -> bytes:
    """The raw body of a v3 webhook; `agent` is the person who acted, None for an integration."""
    event = {
        "id": f"01{uuid.uuid4().hex[:24].upper()}",
        "event_type": f"incident.{word}",
        "resource_type": "incident",
        "occurred_at": now(),
        "agent": agent,
        "client": None,
        "data": incident.api(base),
    }
    return json.dumps({"event": event}).encode()


def signature(secret: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
