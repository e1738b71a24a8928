"""Stores each signal once, in the transaction that stores its identity.

A batch is four statements, however large it is. States that flip within one batch are stored one by one. A check's
repeated finding is not new, but its figures are updated once a minute. There is one writer at a time, so ids are in the
order of the commits and "observed up to here" is one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bot.core.signals.signal import Signal
from bot.core.signals.wire import as_json
from bot.store.driver import rows
from bot.store.driver.encoding import digest, stored_moment
from bot.store.driver.rows import Driver, holes

REPEATED = timedelta(seconds=50)  # a sweep runs every minute, but not exactly


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal as it is stored: `identity` and `opposites` are digests, `body` is its JSON. `lacks_exception` is a failed task
    that is reported without its exception, `has_exception` one that is reported with it."""

    identity: str
    opposites: tuple[str, ...]
    kind: str
    deployment: str
    body: str
    lacks_exception: bool = False
    has_exception: bool = False


def row_of(signal: Signal) -> SignalRow:
    """Prepares a signal for storing."""
    failed = signal.kind == "task_failed"
    return SignalRow(
        digest(signal.identity), tuple(digest(one) for one in signal.opposites()), signal.kind, signal.deployment,
        msgspec.json.encode(as_json(signal)).decode(), lacks_exception=failed and not signal.exception,
        has_exception=failed and bool(signal.exception.type),
    )  # fmt: skip


def take(by: Driver, told: Sequence[SignalRow], now: datetime) -> list[bool]:
    """Stores the unknown signals; returns for each whether it was new. Two with the same identity count once."""
    news: list[bool] = []
    segment: list[SignalRow] = []
    for one in told:
        if one.opposites:  # its state can flip back and forth within one batch, so it is stored by itself
            news += _take(by, segment, now)
            segment = []
            news += _take_flip(by, one, now)
        else:
            segment.append(one)
    return news + _take(by, segment, now)


def newest(by: Driver) -> int:
    """The highest id of a signal; 0 before the first."""
    return int(by.run("select max(id) from signals").fetchone()[0] or 0)


def _take_flip(by: Driver, told: SignalRow, now: datetime) -> list[bool]:
    taken = _take(by, [told], now)
    if taken[0]:
        by.run(f"delete from identities where identity in ({holes(len(told.opposites))})", told.opposites)
    elif told.kind == "check_failed":
        _repeat(by, told, now)
    return taken


def _repeat(by: Driver, told: SignalRow, now: datetime) -> None:
    due = (stored_moment(now), told.identity, stored_moment(now - REPEATED))
    if by.run("update identities set told_at = ? where identity = ? and told_at <= ?", due).rowcount:
        _store(by, [(told, True)], now)


def _take(by: Driver, told: Sequence[SignalRow], now: datetime) -> list[bool]:
    if not told:
        return []
    known = _known(by, {one.identity for one in told})
    news, stored, first, learnt = [], [], {}, set()
    for one in told:
        is_news = one.identity not in known
        news.append(is_news)
        if is_news:
            known[one.identity], first[one.identity] = one.lacks_exception, one
            stored.append((one, False))
        elif one.has_exception and known[one.identity]:  # the exception is added once
            known[one.identity] = False
            learnt.add(one.identity)
            stored.append((one, True))
    at = stored_moment(now)
    rows.add(
        by,
        "identities",
        ("identity", "told_at", "bare"),
        [(one.identity, at, one.lacks_exception) for one in first.values()],
    )
    for chunk in rows.chunks(list(learnt)):
        by.run(f"update identities set bare = false where identity in ({holes(len(chunk))})", chunk)
    _store(by, stored, now)
    return news


def _store(by: Driver, told: Sequence[tuple[SignalRow, bool]], now: datetime) -> None:
    at = stored_moment(now)
    rows.add(by, "signals", ("received_at", "kind", "deployment", "body", "again"),
             [(at, one.kind, one.deployment, one.body, again) for one, again in told])  # fmt: skip


def _known(by: Driver, wanted: set[str]) -> dict[str, bool]:
    """Which of these identities are known, and whether they lack their exception."""
    found: dict[str, bool] = {}
    for chunk in rows.chunks(list(wanted)):
        query = f"select identity, bare from identities where identity in ({holes(len(chunk))})"
        found |= {row[0]: bool(row[1]) for row in by.run(query, chunk).fetchall()}
    return found
