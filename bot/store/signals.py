"""Signals as they came, and which of them were told before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert
from sqlalchemy.dialects import postgresql, sqlite

from bot.core.signal import Signal
from bot.core.wire import as_json
from bot.store.tables import digest, identities, signals


def take(t: Connection, told: Sequence[Signal], now: datetime) -> list[Signal]:
    """Stores those that were not told before and returns them, in order. Two that say the same count once."""
    fresh: list[Signal] = []
    segment: list[Signal] = []
    for signal in told:
        if signal.opposites():  # what can flip back and forth within one batch is taken in turn
            fresh += _take(t, segment, now)
            segment = []
            fresh += _take_flip(t, signal, now)
        else:
            segment.append(signal)
    return fresh + _take(t, segment, now)


def _take_flip(t: Connection, signal: Signal, now: datetime) -> list[Signal]:
    taken = _take(t, [signal], now)
    if taken:
        opposites = [digest(identity) for identity in signal.opposites()]
        t.execute(delete(identities).where(identities.c.identity.in_(opposites)))
    return taken


def _take(t: Connection, told: Sequence[Signal], now: datetime) -> list[Signal]:
    if not told:
        return []
    first: dict[str, Signal] = {}
    for signal in told:
        first.setdefault(digest(signal.identity), signal)
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(identities).on_conflict_do_nothing().returning(identities.c.identity)
    new = set(t.scalars(statement, [{"identity": identity, "told_at": now} for identity in first]))
    fresh = [signal for identity, signal in first.items() if identity in new]
    if fresh:
        t.execute(insert(signals), [
            {"received_at": now, "kind": signal.kind, "deployment": signal.deployment, "body": as_json(signal)}
            for signal in fresh
        ])  # fmt: skip
    return fresh
