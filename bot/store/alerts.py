"""Alerts: which are owed, who shows them, and what is shown.

Hard case: two loops (or two replicas) see the same owed alert. It is claimed by a conditional UPDATE on what was seen; whoever
changes the row has it. Rule: a claim ends by itself, so a loop that died holds nothing back for ever.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.core.alert import Alert, Kind, Place
from bot.store.tables import alerts, entries, incidents


def ensure(t: Connection, incident_id: int, place: Place, due_at: datetime) -> None:
    """The incident is to be seen in this place from now on; an earlier due time wins over a later one."""
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    t.execute(dialect.insert(alerts).values(incident_id=incident_id, kind=place.kind.value, target=place.target,
              due_at=due_at, owed_at=due_at).on_conflict_do_nothing())  # fmt: skip
    mine = and_(alerts.c.incident_id == incident_id, alerts.c.kind == place.kind.value, alerts.c.target == place.target)
    t.execute(update(alerts).where(mine, alerts.c.due_at > due_at).values(due_at=due_at))


def hurry(t: Connection, incident_id: int, now: datetime) -> None:
    """Somebody changed the incident by hand and waits to see it: what is shown of it in Slack is due now, before others."""
    mine = and_(alerts.c.incident_id == incident_id, alerts.c.kind == Kind.slack.value)
    t.execute(update(alerts).where(mine).values(urgent=True))
    t.execute(update(alerts).where(mine, alerts.c.due_at > now).values(due_at=now))


def due(t: Connection, kind: Kind, now: datetime, limit: int = 50) -> list[Alert]:
    """Owed, due and unclaimed: what a person waits for first, then what was never shown, then what is longest due."""
    query = (
        select(alerts).join(incidents, incidents.c.id == alerts.c.incident_id)
        .where(alerts.c.kind == kind.value, alerts.c.shown < incidents.c.version, alerts.c.due_at <= now,
               or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until <= now))
        .order_by(alerts.c.urgent.desc(), (alerts.c.shown > 0), alerts.c.due_at).limit(limit)
    )  # fmt: skip
    return [_alert(row) for row in t.execute(query)]


def next_due(t: Connection, kind: Kind) -> datetime | None:
    """When the next owed alert of this kind comes due; None when nothing is owed."""
    owed = and_(alerts.c.kind == kind.value, alerts.c.shown < incidents.c.version)
    query = select(alerts.c.due_at).join(incidents, incidents.c.id == alerts.c.incident_id).where(owed)
    return t.scalar(query.order_by(alerts.c.due_at).limit(1))


def claim(t: Connection, alert: Alert, now: datetime, until: datetime) -> bool:
    """True when the alert is ours to show until then."""
    as_seen = and_(alerts.c.id == alert.id, alerts.c.shown == alert.shown, alerts.c.due_at == alert.due_at,
                   or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until <= now))  # fmt: skip
    return t.execute(update(alerts).where(as_seen).values(claimed_until=until)).rowcount == 1


def let_go(t: Connection) -> None:
    """Ends every claim: for a store of one process, whose claims are those of a dead one when it starts."""
    t.execute(update(alerts).where(alerts.c.claimed_until.is_not(None)).values(claimed_until=None))


def change(t: Connection, alert_id: int, **values: Any) -> None:
    t.execute(update(alerts).where(alerts.c.id == alert_id).values(**values))


def of_incident(t: Connection, incident_id: int) -> list[Alert]:
    return [
        _alert(row)
        for row in t.execute(select(alerts).where(alerts.c.incident_id == incident_id).order_by(alerts.c.id))
    ]


def failing(t: Connection) -> list[Alert]:
    """Alerts whose last try ended badly, for `doctor` and `/readyz`."""
    query = select(alerts).join(incidents, incidents.c.id == alerts.c.incident_id)
    return [_alert(row) for row in t.execute(query.where(alerts.c.error != "", alerts.c.shown < incidents.c.version))]


def by_ref(t: Connection, channel_id: str, ref: str) -> int | None:
    """The incident that a Slack message shows."""
    return t.scalar(select(alerts.c.incident_id).where(alerts.c.channel_id == channel_id, alerts.c.ref == ref))


def untold(t: Connection, now: datetime, limit: int = 10) -> list[Alert]:
    """Shown Slack alerts whose thread does not tell the newest entries yet, oldest debt first."""
    newest = select(func.max(entries.c.id)).where(entries.c.incident_id == alerts.c.incident_id).scalar_subquery()
    query = select(alerts).where(
        alerts.c.kind == Kind.slack.value, alerts.c.ref != "", alerts.c.told < newest,
        or_(alerts.c.claimed_until.is_(None), alerts.c.claimed_until <= now),
    )  # fmt: skip
    return [_alert(row) for row in t.execute(query.order_by(alerts.c.told).limit(limit))]


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id, incident_id=row.incident_id, place=Place(Kind(row.kind), row.target), shown=row.shown,
        due_at=row.due_at, channel_id=row.channel_id, ref=row.ref, told=row.told, said=row.said, tries=row.tries,
        error=row.error, owed_at=row.owed_at, posting=row.posting, urgent=row.urgent,
    )  # fmt: skip
