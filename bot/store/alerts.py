"""Alerts: which are owed, which loop shows them, and what is shown.

Loops and replicas that see the same owed alert claim it by a conditional UPDATE on the values they read. A claim
expires, so a loop that died blocks nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, and_, case, func, or_, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.core.incidents.alert import SPACING, Alert, Kind, Lane, Place
from bot.core.incidents.incident import Incident
from bot.core.incidents.routing import Severity
from bot.store.driver.moments import LONGEST_WAIT, free, reached
from bot.store.tables import alerts, entries, incidents

LIMIT = 50
MINUTE = timedelta(minutes=1)
Closed = Set[tuple[Lane, str]]  # lanes that the bot's own rate limit has closed for now
_MINE = entries.c.incident_id == alerts.c.incident_id
_NEWEST = func.coalesce(select(func.max(entries.c.id)).where(_MINE).scalar_subquery(), 0)
_FIRST_UNTOLD = select(func.min(entries.c.id)).where(_MINE, entries.c.id > alerts.c.told).scalar_subquery()
_NEWS = alerts.c.upto < _NEWEST
_WORST_FIRST = case(
    (alerts.c.shown > 0, 0),
    (incidents.c.silenced, 1),
    *((incidents.c.severity == one.value, -one.rank) for one in Severity),
    else_=0,
)
_WELL_NEWS = and_(_NEWS, alerts.c.tries == 0, alerts.c.ref != "")  # a failing place keeps its backoff


def ensure(t: Connection, incident_id: int, place: Place, due_at: datetime) -> None:
    """Makes sure that the incident is shown in this place; the earlier of two due times applies."""
    mine = _there(t, incident_id, place, due_at)
    t.execute(update(alerts).where(mine, alerts.c.due_at > due_at).values(due_at=due_at))


def _there(t: Connection, incident_id: int, place: Place, due_at: datetime) -> ColumnElement[bool]:
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    t.execute(dialect.insert(alerts).values(incident_id=incident_id, kind=place.kind.value, target=place.target,
              due_at=due_at, owed_at=due_at).on_conflict_do_nothing())  # fmt: skip
    return and_(alerts.c.incident_id == incident_id, alerts.c.kind == place.kind.value, alerts.c.target == place.target)


def ring(t: Connection, incident: Incident, pagers: Iterable[str]) -> None:
    """Has each pager page when the incident wants it and not before, unless it has paged already; a pager that fails keeps
    its backoff."""
    at = incident.page_at
    if at is None:
        return
    for name in pagers:
        mine = _there(t, incident.id, Place(Kind.pager, name), at)
        waits = and_(alerts.c.said.in_(("", "resolve")), or_(alerts.c.tries == 0, alerts.c.due_at < at))
        t.execute(update(alerts).where(mine, waits, alerts.c.due_at != at).values(due_at=at))


def shown_growing(t: Connection, still: timedelta, over: datetime) -> list[int]:
    """Open incidents without a new failure since `over` whose message, last shown within `still` after their last
    failure, still says that they are growing."""
    until = type_coerce(incidents.c.last_at, BigInteger) + still // timedelta(microseconds=1)
    query = select(incidents.c.id).join(alerts, alerts.c.incident_id == incidents.c.id).distinct()
    done = and_(
        alerts.c.kind == Kind.slack.value, alerts.c.shown == incidents.c.version, incidents.c.state != "resolved"
    )
    query = query.where(done, incidents.c.last_at <= over, type_coerce(alerts.c.shown_at, BigInteger) < until)
    return list(t.scalars(query))


def hurry(t: Connection, incident_id: int, now: datetime) -> None:
    """Makes the incident's Slack messages urgent and due now, because a person who changed it is waiting."""
    mine = and_(alerts.c.incident_id == incident_id, alerts.c.kind == Kind.slack.value)
    t.execute(update(alerts).where(mine).values(urgent=True))
    t.execute(update(alerts).where(mine, alerts.c.due_at > now).values(due_at=now))


def due(
    t: Connection,
    kind: Kind,
    now: datetime,
    quiet: Collection[int] = (),
    closed: Closed = frozenset(),
    limit: int = LIMIT,
) -> list[Alert]:
    """Owed, due and unclaimed alerts. First those that a person waits for, then those never shown (most severe first),
    then those whose state changed, then the longest due. Alerts with `news` are due as well, unless they were shown
    just now, and so are those in `quiet`; those in a `closed` lane are left out."""
    fresh = and_(_WELL_NEWS, reached(alerts.c.shown_at, now - SPACING))
    if kind is Kind.slack:
        come = reached(alerts.c.due_at, now)
    else:  # a page may be scheduled any time ahead, by a clock that has been put back since
        come = or_(alerts.c.due_at <= now, incidents.c.last_at > now + LONGEST_WAIT)
    ready = or_(come, alerts.c.id.in_(list(quiet)), fresh)
    query = (
        select(alerts, _NEWS.label("news"), incidents.c.severity, incidents.c.silenced)
        .join(incidents, incidents.c.id == alerts.c.incident_id)
        .where(_owed(kind), ready, _free(now), *_not(closed, quiet))
        .order_by(alerts.c.urgent.desc(), alerts.c.shown > 0, _WORST_FIRST, _NEWS.desc(), alerts.c.due_at).limit(limit)
    )  # fmt: skip
    return [
        replace(_alert(row, news=bool(row.news), over=row.id in quiet),
                severity=None if row.silenced else Severity(row.severity))
        for row in t.execute(query)
    ]  # fmt: skip


def posted(t: Connection, now: datetime) -> dict[str, list[datetime]]:
    """The times at which new messages were posted within the last minute, by channel, latest first. Times further ahead
    than a minute, from a clock that jumped, are left out."""
    query = select(alerts.c.target, alerts.c.posted_at).order_by(alerts.c.posted_at.desc())
    found: dict[str, list[datetime]] = {}
    for row in t.execute(query.where(alerts.c.posted_at.between(now - MINUTE, now + MINUTE))):
        found.setdefault(row.target, []).append(row.posted_at)
    return found


def waiting(t: Connection, now: datetime) -> dict[str, Counter[Severity]]:
    """How many alerts wait for their first message in Slack, by channel and severity."""
    query = select(alerts.c.target, incidents.c.severity, func.count().label("number"))
    query = query.join(incidents, incidents.c.id == alerts.c.incident_id).group_by(
        alerts.c.target, incidents.c.severity
    )
    found: dict[str, Counter[Severity]] = {}
    for row in t.execute(
        query.where(_owed(Kind.slack), alerts.c.ref == "", alerts.c.error == "", alerts.c.due_at <= now)
    ):
        found.setdefault(row.target, Counter())[Severity(row.severity)] += row.number
    return found


def next_due(t: Connection, kind: Kind, closed: Closed = frozenset()) -> datetime | None:
    """When the next owed alert of this kind is due, outside the closed lanes; None if there is none."""
    mine = select(func.min(alerts.c.due_at)).join(incidents, incidents.c.id == alerts.c.incident_id)
    mine = mine.where(_owed(kind), *_not(closed))
    by_news = mine.with_only_columns(func.min(alerts.c.shown_at)).where(_WELL_NEWS)
    due_at, shown_at = t.scalar(mine), t.scalar(by_news)
    return min((at for at in (due_at, shown_at + SPACING if shown_at else None) if at is not None), default=None)


def growing(t: Connection, kind: Kind, now: datetime, limit: int = 500) -> dict[int, int]:
    """Alerts that wait only because their incident is growing: the incident's version by alert id."""
    query = select(alerts.c.id, incidents.c.version).join(incidents, incidents.c.id == alerts.c.incident_id)
    query = query.where(_owed(kind), _free(now), alerts.c.due_at > now, alerts.c.ref != "", alerts.c.tries == 0)
    return {row.id: row.version for row in t.execute(query.order_by(alerts.c.due_at).limit(limit))}


def claim(t: Connection, alert: Alert, now: datetime, until: datetime) -> bool:
    """Claims the alert until then. True on success; False if it has changed or is claimed already."""
    as_seen = and_(alerts.c.id == alert.id, alerts.c.shown == alert.shown, alerts.c.due_at == alert.due_at, _free(now))
    return t.execute(update(alerts).where(as_seen).values(claimed_until=until)).rowcount == 1


def let_go(t: Connection) -> None:
    """Ends every claim. Only for a store with a single process: at its start, all claims belong to a dead one."""
    t.execute(update(alerts).where(alerts.c.claimed_until.is_not(None)).values(claimed_until=None))


def change(t: Connection, alert_id: int, **values: Any) -> None:
    t.execute(update(alerts).where(alerts.c.id == alert_id).values(**values))


def of_incident(t: Connection, incident_id: int) -> list[Alert]:
    return [
        _alert(row)
        for row in t.execute(select(alerts).where(alerts.c.incident_id == incident_id).order_by(alerts.c.id))
    ]


def failing(t: Connection) -> list[Alert]:
    """Alerts whose last attempt failed, for `doctor` and `/readyz`."""
    query = select(alerts).join(incidents, incidents.c.id == alerts.c.incident_id)
    return [_alert(row) for row in t.execute(query.where(alerts.c.error != "", alerts.c.shown < incidents.c.version))]


def by_ref(t: Connection, channel_id: str, ref: str) -> int | None:
    """The id of the incident that a Slack message shows; None for any other message."""
    return t.scalar(select(alerts.c.incident_id).where(alerts.c.channel_id == channel_id, alerts.c.ref == ref))


def untold(t: Connection, now: datetime, closed: Collection[str] = ()) -> Alert | None:
    """The Slack alert whose thread is furthest behind, outside the closed channels; None if no thread is due."""
    waits = or_(alerts.c.tell_at.is_(None), reached(alerts.c.tell_at, now))
    query = select(alerts).where(_behind(), waits, _free(now), alerts.c.channel_id.not_in(list(closed)))
    row = t.execute(query.order_by(_FIRST_UNTOLD, alerts.c.id).limit(1)).one_or_none()
    return None if row is None else _alert(row)


def next_tell(t: Connection, now: datetime, closed: Collection[str] = ()) -> datetime | None:
    """When a thread that is behind may be updated next; None if no thread waits."""
    query = select(alerts.c.tell_at).where(_behind(), alerts.c.channel_id.not_in(list(closed)))
    row = t.execute(query.order_by(alerts.c.tell_at.is_not(None), alerts.c.tell_at).limit(1)).one_or_none()
    return None if row is None else row.tell_at or now


def hold_threads(t: Connection, channel_id: str, until: datetime) -> None:
    """Postpones all threads in a channel that can't be written."""
    t.execute(update(alerts).where(alerts.c.channel_id == channel_id, _behind()).values(tell_at=until))


def mended(t: Connection, alert: Alert, now: datetime) -> None:
    """After an alert was shown again: alerts that failed with the same error, or in the same channel, are due now."""
    alike = or_(alerts.c.target == alert.place.target, alerts.c.error == alert.error)
    failing = and_(alerts.c.kind == alert.place.kind.value, alerts.c.error != "", alike)
    t.execute(update(alerts).where(failing, alerts.c.due_at > now).values(due_at=now))
    threads = and_(alerts.c.target == alert.place.target, alerts.c.tell_at > now)
    t.execute(update(alerts).where(threads).values(tell_at=None))


def try_at_once(t: Connection, now: datetime) -> None:
    """Makes all failing alerts due now, because a restart usually means that something was fixed."""
    t.execute(update(alerts).where(alerts.c.error != "", alerts.c.due_at > now).values(due_at=now))
    t.execute(update(alerts).where(alerts.c.tell_at.is_not(None)).values(tell_at=None))


def _owed(kind: Kind) -> ColumnElement[bool]:
    return and_(alerts.c.kind == kind.value, alerts.c.shown < incidents.c.version)


def _free(now: datetime) -> ColumnElement[bool]:
    return free(alerts.c.claimed_until, now)


def _behind() -> ColumnElement[bool]:
    return and_(alerts.c.kind == Kind.slack.value, alerts.c.ref != "", alerts.c.told < _NEWEST)


def _not(closed: Closed, quiet: Collection[int] = ()) -> Iterator[ColumnElement[bool]]:
    """Conditions that exclude the closed lanes; a closed lane of edits also closes the less urgent ones."""
    channels = [channel for lane, channel in closed if lane is Lane.post]
    if channels:
        yield or_(alerts.c.ref != "", alerts.c.target.not_in(channels))
    bounded = [channel for lane, channel in closed if lane is Lane.more]
    if bounded:
        loud = and_(incidents.c.severity == Severity.critical.value, incidents.c.silenced.is_(False))
        first = or_(alerts.c.urgent, loud)
        yield or_(alerts.c.ref != "", first, alerts.c.target.not_in(bounded))
    lanes = {lane for lane, _ in closed}
    if Lane.press in lanes:
        yield alerts.c.ref == ""
    elif Lane.change in lanes:
        yield or_(alerts.c.ref == "", alerts.c.urgent)
    elif Lane.growth in lanes:
        yield or_(alerts.c.ref == "", alerts.c.urgent, _NEWS, alerts.c.id.in_(list(quiet)))


def _alert(row: Row[Any], *, news: bool = False, over: bool = False) -> Alert:
    return Alert(
        id=row.id, incident_id=row.incident_id, place=Place(Kind(row.kind), row.target), shown=row.shown,
        due_at=row.due_at, channel_id=row.channel_id, ref=row.ref, told=row.told, said=row.said, tries=row.tries,
        error=row.error, owed_at=row.owed_at, posted_at=row.posted_at, posting=row.posting, urgent=row.urgent,
        upto=row.upto, news=news, over=over, grown=row.grown, rung=row.rung, telling_at=row.telling_at,
    )  # fmt: skip
