"""Alerts: the view of one incident in one place, and whether it is owed.

Hard case: an escalation that came due after somebody took the incident. It is decided again at that time, and
dropped. Rule: an alert is owed when it shows an older version than the incident has and it is due; nobody sends updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.incident import Incident, State


class Kind(StrEnum):
    """Where an alert can be seen."""

    slack = "slack"
    pagerduty = "pagerduty"


@dataclass(frozen=True, slots=True)
class Place:
    """A Slack channel (its name or id) or a PagerDuty service (empty target: the only one)."""

    kind: Kind
    target: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.target}" if self.target else str(self.kind)


@dataclass(frozen=True, slots=True)
class Alert:
    """`shown` is the incident version seen there now (0: none yet); `ref` names it there (a message ts, a dedup key);
    `told` is the last timeline entry that its thread tells; `said` is PagerDuty's last word."""

    id: int
    incident_id: int
    place: Place
    shown: int = 0
    due_at: datetime | None = None
    channel_id: str = ""
    ref: str = ""
    told: int = 0
    said: str = ""
    tries: int = 0
    error: str = ""
    owed_at: datetime | None = None
    urgent: bool = False  # a person pressed something and waits to see it
    posting: bool = False  # a post was begun and its answer was not recorded: read back before posting again


def owed(alert: Alert, incident: Incident, now: datetime) -> str | None:
    """Why the alert is owed now, None when it is not."""
    if alert.shown >= incident.version:
        return None
    if alert.due_at is not None and alert.due_at > now:
        return None
    return "first notice" if not alert.shown else "the incident has changed"


def page_word(alert: Alert, incident: Incident) -> str | None:
    """What PagerDuty must hear now: trigger, acknowledge, resolve, or None. Decided again at delivery time. Who has the
    incident, or a silence, keeps it from ringing, unless a person escalated it since."""
    asked = incident.escalated_at
    match incident.state:
        case State.resolved:
            return "resolve" if alert.said in {"trigger", "acknowledge"} else None
        case State.acknowledged if asked is None or (incident.held_at is not None and incident.held_at > asked):
            return "acknowledge" if alert.said == "trigger" else None
        case _:
            if incident.silence is not None and asked is None:
                return None
            return "trigger" if alert.said in {"", "resolve"} else None
