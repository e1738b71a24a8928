"""How many of everything there are now, for the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from bot.core.remediation import ACTIVE
from bot.store.tables import alerts, incidents, remediations


@dataclass(frozen=True, slots=True)
class Tally:
    """`incidents` by (state, severity), `owed` alerts by kind of place, the longest overdue in seconds."""

    incidents: Mapping[tuple[str, str], int]
    owed: Mapping[str, int]
    oldest_seconds: float
    remediations: int


def tally(t: Connection, now: datetime) -> Tally:
    number = func.count()
    unresolved = incidents.c.open_key.is_not(None)
    by_state = select(incidents.c.state, incidents.c.severity, number).where(unresolved)
    behind = and_(alerts.c.incident_id == incidents.c.id, alerts.c.shown < incidents.c.version)
    owed = t.execute(
        select(alerts.c.kind, number, func.min(alerts.c.due_at)).where(behind).group_by(alerts.c.kind)
    ).all()
    oldest = min((row[2] for row in owed), default=None)
    active = remediations.c.progress.in_([progress.value for progress in ACTIVE])
    return Tally(
        incidents={(row[0], row[1]): row[2] for row in t.execute(by_state.group_by(incidents.c.state, incidents.c.severity))},
        owed={row[0]: row[1] for row in owed},
        oldest_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        remediations=t.scalar(select(number).select_from(remediations).where(active)) or 0,
    )  # fmt: skip
