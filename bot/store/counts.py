"""Counts of events between two moments, for the digest and `/metrics`; and which digests were sent.

The replica that first writes the day's row sends the digest, and the row outlives a restart. Counting changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, case, func, select, type_coerce

from bot.core.incidents.alert import Kind
from bot.core.remediation import ACTIVE
from bot.core.signals.signal import Family
from bot.store.driver.encoding import EPOCH
from bot.store.state import drop, keep_new
from bot.store.tables import alerts, entries, incidents, memory, remediations, subjects

_HOUR = 3_600_000_000  # microseconds
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Failures:
    """How many of an incident's task instances failed in one DAG in one hour; `hour` counts from the start of the
    period."""

    incident_id: int
    dag_id: str
    hour: int
    number: int


def opened(t: Connection, since: datetime, until: datetime) -> dict[int, datetime]:
    """The incidents opened in the period: when, by id."""
    then = and_(incidents.c.opened_at >= since, incidents.c.opened_at < until)
    return {row.id: row.opened_at for row in t.execute(select(incidents.c.id, incidents.c.opened_at).where(then))}


def taken(t: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """When each of these was first acknowledged; unacknowledged ones are missing."""
    found: dict[int, datetime] = {}
    for start in range(0, len(ids), _CHUNK):
        mine = and_(entries.c.incident_id.in_(ids[start : start + _CHUNK]), entries.c.what == "acknowledged")
        query = select(entries.c.incident_id, func.min(entries.c.at)).where(mine).group_by(entries.c.incident_id)
        found |= {row[0]: row[1] for row in t.execute(query)}
    return found


def resolved(t: Connection, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """For each incident resolved in the period: when it was opened (or last reopened), and when it was resolved."""
    then = and_(incidents.c.resolved_at >= since, incidents.c.resolved_at < until)
    rows = t.execute(select(incidents.c.opened_at, incidents.c.resolved_at, incidents.c.body).where(then))
    return [(_began(row.body, row.opened_at), row.resolved_at) for row in rows]


def _began(body: dict[str, Any], opened_at: datetime) -> datetime:
    again = body.get("reopened_at")
    return datetime.fromisoformat(again) if again else opened_at


def failures(t: Connection, since: datetime, until: datetime) -> list[Failures]:
    """The task instances that failed in the period, by incident, DAG and hour."""
    start = (since - EPOCH) // timedelta(microseconds=1)
    hour = (type_coerce(subjects.c.failed_at, BigInteger) - start) // _HOUR
    query = (
        select(subjects.c.incident_id, subjects.c.dag_id, hour.label("hour"), func.count().label("number"))
        .join(incidents, incidents.c.id == subjects.c.incident_id)
        .where(incidents.c.last_at >= since, incidents.c.opened_at < until, subjects.c.failed_at >= since,
               subjects.c.failed_at < until, subjects.c.family == Family.task.value, subjects.c.retrying.is_(False))
        .group_by(subjects.c.incident_id, subjects.c.dag_id, "hour")
    )  # fmt: skip
    return [Failures(row.incident_id, row.dag_id, int(row.hour), row.number) for row in t.execute(query)]


def claim(t: Connection, day: str, now: datetime) -> bool:
    """Claims a day's digest. False if another replica sends or has sent it."""
    return keep_new(t, _key(day), {"claimed_at": now.isoformat()})


def claimed(t: Connection, day: str) -> bool:
    return t.scalar(select(memory.c.key).where(memory.c.key == _key(day))) is not None


def let_go(t: Connection, day: str) -> None:
    """Releases the claim on a digest that was not sent, so that it can be tried again."""
    drop(t, _key(day))


def _key(day: str) -> str:
    return f"digest/{day}"


@dataclass(frozen=True, slots=True)
class Tally:
    """`incidents` by (state, severity), `owed` alerts by kind of place or name of the pager, the longest overdue in seconds."""

    incidents: Mapping[tuple[str, str], int]
    owed: Mapping[str, int]
    oldest_seconds: float
    remediations: int


def tally(t: Connection, now: datetime) -> Tally:
    number = func.count()
    unresolved = incidents.c.open_key.is_not(None)
    by_state = select(incidents.c.state, incidents.c.severity, number).where(unresolved)
    behind = and_(alerts.c.incident_id == incidents.c.id, alerts.c.shown < incidents.c.version)
    place = case((alerts.c.kind == Kind.pager.value, alerts.c.target), else_=alerts.c.kind)
    owed = t.execute(select(place, number, func.min(alerts.c.due_at)).where(behind).group_by(place)).all()
    oldest = min((row[2] for row in owed), default=None)
    active = remediations.c.progress.in_([progress.value for progress in ACTIVE])
    return Tally(
        incidents={(row[0], row[1]): row[2] for row in t.execute(by_state.group_by(incidents.c.state, incidents.c.severity))},
        owed={row[0]: row[1] for row in owed},
        oldest_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        remediations=t.scalar(select(number).select_from(remediations).where(active)) or 0,
    )  # fmt: skip
