"""Signals as they came, which of them were told before, and how far they have been observed.

Hard cases: a storm (a batch is four statements, however large it is, since every row of SQLite's that Python inserts by
itself is a chance for another thread to take the interpreter); several replicas (whoever takes signals is alone, so ids
are in the order of the commits and "observed up to here" is one number). Rule: a signal is stored in the same transaction
as its identity, and an observation in the same one as its mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, func, insert, select

from bot.core.signal import Signal
from bot.core.wire import as_json
from bot.store import memory, rows
from bot.store.tables import digest, identities, set_aside, signals, stored_moment

_OBSERVED = "signals/observed"
REPEATED = timedelta(seconds=50)  # a sweep comes every minute, and not on the dot


@dataclass(frozen=True, slots=True)
class Letter:
    """A signal as it is stored: `identity` and `opposites` are digests, `body` is its JSON. `bare` is a failed task that is
    told without its exception, `why` one that is told with it."""

    identity: str
    opposites: tuple[str, ...]
    kind: str
    deployment: str
    body: str
    bare: bool = False
    why: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A signal as it is read back. `again` was told before, and only brings its reason or its figures of today."""

    id: int
    received_at: datetime
    body: Mapping[str, Any]
    again: bool


def letter(signal: Signal) -> Letter:
    """A signal, ready to be stored."""
    failed = signal.kind == "task_failed"
    return Letter(
        digest(signal.identity), tuple(digest(one) for one in signal.opposites()), signal.kind, signal.deployment,
        msgspec.json.encode(as_json(signal)).decode(), bare=failed and not signal.exception,
        why=failed and bool(signal.exception.type),
    )  # fmt: skip


def take(t: Connection, told: Sequence[Letter], now: datetime) -> list[bool]:
    """Stores those that were not told before; says of each whether it was news. Two that say the same count once."""
    news: list[bool] = []
    segment: list[Letter] = []
    for one in told:
        if one.opposites:  # what can flip back and forth within one batch is taken in turn
            news += _take(t, segment, now)
            segment = []
            news += _take_flip(t, one, now)
        else:
            segment.append(one)
    return news + _take(t, segment, now)


def newest(t: Connection) -> int:
    """The highest id that was given to a signal; 0 before the first."""
    return int(rows.driven(t, "select max(id) from signals", []).fetchone()[0] or 0)


def observed(t: Connection) -> int:
    """Up to which id signals have been observed."""
    return int(memory.recall(t, _OBSERVED).get("upto", 0))


def set_observed(t: Connection, upto: int) -> None:
    memory.keep(t, _OBSERVED, {"upto": upto})


def after(t: Connection, signal_id: int, limit: int) -> list[Stored]:
    """Those behind this id, in the order in which they came."""
    query = select(signals.c.id, signals.c.received_at, signals.c.body, signals.c.again)
    found = t.execute(query.where(signals.c.id > signal_id).order_by(signals.c.id).limit(limit))
    return [Stored(row.id, row.received_at, row.body, row.again) for row in found]


def drop_told_again(t: Connection, observed_ids: Sequence[int]) -> None:
    """Lets go of those that only brought something to what was told before; not of the newest signal of all, since the next
    one's id is counted from it."""
    for chunk in rows.chunks(observed_ids):
        t.execute(delete(signals).where(signals.c.again, signals.c.id.in_(chunk), signals.c.id < newest(t)))


def put_aside(t: Connection, signal_id: int, now: datetime, error: str) -> None:
    """The observer stumbled over this one."""
    t.execute(insert(set_aside).values(signal_id=signal_id, at=now, error=error[:2_000]))


def aside(t: Connection) -> int:
    """How many the observer stumbled over."""
    return t.scalar(select(func.count()).select_from(set_aside)) or 0


def _take_flip(t: Connection, told: Letter, now: datetime) -> list[bool]:
    taken = _take(t, [told], now)
    if taken[0]:
        t.execute(delete(identities).where(identities.c.identity.in_(told.opposites)))
    elif told.kind == "check_failed":
        _repeat(t, told, now)
    return taken


def _repeat(t: Connection, told: Letter, now: datetime) -> None:
    """A check that still finds the same is no news, but its figures are worth keeping once a minute."""
    due = and_(identities.c.identity == told.identity, identities.c.told_at <= now - REPEATED)
    if t.execute(identities.update().where(due).values(told_at=now)).rowcount:
        _store(t, [(told, True)], now)


def _take(t: Connection, told: Sequence[Letter], now: datetime) -> list[bool]:
    if not told:
        return []
    known = _known(t, {one.identity for one in told})
    news, stored, first, learnt = [], [], {}, set()
    for one in told:
        is_news = one.identity not in known
        news.append(is_news)
        if is_news:
            known[one.identity], first[one.identity] = one.bare, one
            stored.append((one, False))
        elif one.why and known[one.identity]:  # the reason is learnt once
            known[one.identity] = False
            learnt.add(one.identity)
            stored.append((one, True))
    at = stored_moment(now)
    rows.add(t, "identities", ("identity", "told_at", "bare"), [(one.identity, at, one.bare) for one in first.values()])
    if learnt:
        t.execute(identities.update().where(identities.c.identity.in_(learnt)).values(bare=False))
    _store(t, stored, now)
    return news


def _store(t: Connection, told: Sequence[tuple[Letter, bool]], now: datetime) -> None:
    at = stored_moment(now)
    rows.add(t, "signals", ("received_at", "kind", "deployment", "body", "again"),
             [(at, one.kind, one.deployment, one.body, again) for one, again in told])  # fmt: skip


def _known(t: Connection, wanted: set[str]) -> dict[str, bool]:
    """Which of these identities were told before, and whether without their exception."""
    found: dict[str, bool] = {}
    for chunk in rows.chunks(list(wanted)):
        holes = ",".join([rows.hole(t)] * len(chunk))
        query = f"select identity, bare from identities where identity in ({holes})"
        found |= {row[0]: bool(row[1]) for row in rows.driven(t, query, chunk).fetchall()}
    return found
