"""Stored signals, and how far they have been observed.

Ids are in the order of the commits (see `signal_rows`), so "observed up to here" is one number, also with several
replicas. An observation and its mark are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from bot.store import state
from bot.store.database import Store
from bot.store.driver import rows
from bot.store.signals import signal_rows
from bot.store.signals.signal_rows import SignalRow
from bot.store.tables import set_aside, signals

_OBSERVED = "signals/observed"


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored signal. `again` means that it was known before, and only adds its exception or current figures."""

    id: int
    received_at: datetime
    body: Mapping[str, Any]
    again: bool


def take(t: Connection, told: Sequence[SignalRow], now: datetime) -> list[bool]:
    """Stores the unknown signals; returns for each whether it was new. Two with the same identity count once."""
    return signal_rows.take(rows.driver(t), told, now)


def newest(t: Connection) -> int:
    """The highest id of a signal; 0 before the first."""
    return signal_rows.newest(rows.driver(t))


def observed(t: Connection) -> int:
    """The id up to which signals have been observed."""
    return int(state.recall(t, _OBSERVED).get("upto", 0))


def set_observed(t: Connection, upto: int) -> None:
    state.keep(t, _OBSERVED, {"upto": upto})


def after(t: Connection, signal_id: int, limit: int) -> list[Stored]:
    """Signals with a higher id, in the order of their arrival."""
    query = select(signals.c.id, signals.c.received_at, signals.c.body, signals.c.again)
    found = t.execute(query.where(signals.c.id > signal_id).order_by(signals.c.id).limit(limit))
    return [Stored(row.id, row.received_at, row.body, row.again) for row in found]


def drop_told_again(store: Store, observed_ids: Sequence[int]) -> None:
    """Deletes observed signals that only added to known ones, except the newest of all, because the next id is counted
    from it."""
    with store.taking() as t:
        for chunk in rows.chunks(observed_ids):
            t.execute(delete(signals).where(signals.c.again, signals.c.id.in_(chunk), signals.c.id < newest(t)))


def put_aside(t: Connection, signal_id: int, now: datetime, error: str) -> None:
    """Records a signal that made the observer fail."""
    t.execute(insert(set_aside).values(signal_id=signal_id, at=now, error=error[:2_000]))


def aside(t: Connection) -> int:
    """How many signals made the observer fail."""
    return t.scalar(select(func.count()).select_from(set_aside)) or 0
