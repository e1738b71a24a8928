"""Coverage: which failures Airflow has, which reporter reported each of them first, and how long that took.

One row per failure, since every round looks back a little; a row keeps its first reporter. A failure is recorded before
it is reported, so unreported ones are visible. Old rows are added to a running total and deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from math import ceil

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.store import state
from bot.store.driver.encoding import digest
from bot.store.tables import failures, identities

HOOK, SWEEP = "hook", "sweep"
KEPT = timedelta(days=8)  # a week's figures, and the current day
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Known:
    """One failure that Airflow has, under a unique name; `told_at` and `by` are empty until it was reported."""

    name: str
    ended_at: datetime
    told_at: datetime | None = None
    by: str = ""

    @property
    def key(self) -> str:
        return digest(self.name)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long reports took, in seconds from the end of the try to the bot's commit."""

    median: float
    p95: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many failures are `known`, how many were reported by each reporter (`hook`, `sweep`), and how long they
    took."""

    known: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    took: Mapping[str, Spread] = field(default_factory=dict)

    @property
    def reported(self) -> tuple[tuple[str, int], ...]:
        """How many each of the two reported first."""
        return tuple((by, self.told.get(by, 0)) for by in (HOOK, SWEEP))

    @property
    def ratio(self) -> float:
        """Reported divided by known; 1 if nothing failed."""
        return sum(self.told.values()) / self.known if self.known else 1.0


def when_told(t: Connection, wanted: Iterable[str]) -> dict[str, datetime]:
    """When each of these identities was reported; unreported ones are missing."""
    by_digest = {digest(identity): identity for identity in wanted}
    found: dict[str, datetime] = {}
    for chunk in _chunks(by_digest):
        query = select(identities.c.identity, identities.c.told_at).where(identities.c.identity.in_(chunk))
        found |= {by_digest[row.identity]: row.told_at for row in t.execute(query)}
    return found


def counted(t: Connection, seen: Iterable[Known]) -> set[str]:
    """The keys of those that were already counted as reported."""
    keys = (one.key for one in seen)
    found: set[str] = set()
    for chunk in _chunks(keys):
        found |= set(t.scalars(select(failures.c.key).where(failures.c.key.in_(chunk), failures.c.by != "")))
    return found


def count(t: Connection, deployment: str, seen: Sequence[Known]) -> None:
    """Counts each failure once; an unreported one gets its reporter, a reported one keeps it."""
    if not seen:
        return
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(failures)
    told = {"told_at": statement.excluded.told_at, "by": statement.excluded.by}
    values = {one.key: {"key": one.key, "deployment": deployment, "ended_at": one.ended_at, "told_at": one.told_at,
                        "by": one.by} for one in seen}  # fmt: skip
    t.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_=told, where=failures.c.by == ""),
        list(values.values()),
    )


def coverage(t: Connection, deployment: str | None, since: datetime, until: datetime | None = None) -> Coverage:
    """The figures of one deployment (None: of all) for failures that ended since then (at most eight days back), and
    before `until`."""
    query = select(failures.c.by, failures.c.ended_at, failures.c.told_at).where(failures.c.ended_at >= since)
    if deployment is not None:
        query = query.where(failures.c.deployment == deployment)
    if until is not None:
        query = query.where(failures.c.ended_at < until)
    rows = t.execute(query).all()
    seconds: dict[str, list[float]] = {}
    for row in rows:
        if row.by:
            seconds.setdefault(row.by, []).append(max(0.0, (row.told_at - row.ended_at).total_seconds()))
    return Coverage(
        len(rows),
        {by: len(values) for by, values in seconds.items()},
        {by: _spread(sorted(values)) for by, values in seconds.items()},
    )


def totals(t: Connection) -> dict[str, Coverage]:
    """All failures ever counted, by deployment, for counters that only grow."""
    numbers: dict[str, dict[str, int]] = {
        name: dict(state.recall(t, _gone_key(name))) for name in state.recall(t, _GONE).get("deployments", ())
    }
    query = select(failures.c.deployment, failures.c.by, func.count()).group_by(failures.c.deployment, failures.c.by)
    for name, by, number in t.execute(query):
        mine = numbers.setdefault(name, {})
        mine[by] = mine.get(by, 0) + number
    return {
        name: Coverage(sum(mine.values()), {by: number for by, number in mine.items() if by})
        for name, mine in numbers.items()
    }


def forget(t: Connection, now: datetime) -> None:
    """Deletes rows that are too old for any figure, and keeps their number in the totals."""
    old = failures.c.ended_at < now - KEPT
    query = select(failures.c.deployment, failures.c.by, func.count()).where(old)
    rows = t.execute(query.group_by(failures.c.deployment, failures.c.by)).all()
    if not rows:
        return
    for name, by, number in rows:
        gone = state.recall(t, _gone_key(name))
        state.keep(t, _gone_key(name), gone | {by: gone.get(by, 0) + number})
    names = set(state.recall(t, _GONE).get("deployments", ())) | {row[0] for row in rows}
    state.keep(t, _GONE, {"deployments": sorted(names)})
    t.execute(delete(failures).where(old))


_GONE = "coverage/gone"


def _gone_key(deployment: str) -> str:
    return f"coverage/gone/{digest(deployment)}"


def _spread(values: Sequence[float]) -> Spread:
    def part(share: float) -> float:
        return values[max(0, ceil(share * len(values)) - 1)]

    return Spread(part(0.5), part(0.95), values[-1])


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
