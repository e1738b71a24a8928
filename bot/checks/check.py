"""A check in one record: the SQL, the threshold, and the sentences for failing and for recovered.

Ages are compared with the database's own `now`, since clocks differ. A check only reads; a failing row of its answer
becomes a Finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from bot.core.dates import span

Row = Mapping[str, Any]
ROW_LIMIT = 500  # for one check in one sweep; more rows of the same kind add nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One failing row. `subject` is the same text for as long as the problem is the same; `facts` are plain JSON
    values."""

    subject: str
    sentence: str
    severity: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Read before a check runs: the database's own time, Airflow's major version, and the response time in seconds."""

    now: datetime
    major: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One query and how to judge its rows. `sql` may use `:since` (the database's now minus the threshold, if that is
    in seconds), `:most`, `:hour` and `:week` (now minus that); `sqlite` overrides it for a database that lacks a
    function. `key`, `sick` and `well` are templates over a finding's facts; `well` also has `{lasted}`. A finding is
    reported once it has lasted `holds` seconds; `every` (seconds) runs the check less often than each sweep;
    `deployment` restricts it to one deployment (empty: all)."""

    name: str
    title: str
    subject: str  # the kind of thing that a finding is about, for people
    sql: Mapping[int, str]  # by major version of Airflow
    threshold: float
    unit: str  # of the threshold; "s" makes `:since`
    severity: str
    key: str
    sick: str
    well: str
    runbook: str
    judge: Callable[[Check, Sequence[Row], Snapshot], list[Finding]] | None = None
    sqlite: Mapping[int, str] = field(default_factory=dict)
    holds: float = 0.0
    every: float = 0.0
    deployment: str = ""
    tags: tuple[str, ...] = ()
    foreign: bool = False  # a custom query, whose answer may be of any size

    def since(self, now: datetime) -> datetime:
        """Returns the time before which a row counts as too old."""
        return now - timedelta(seconds=self.threshold if self.unit == "s" else 0)

    def findings(self, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
        """Returns the findings among the rows; without a `judge` every row is one."""
        if self.judge is not None:
            return self.judge(self, rows, snapshot)
        return [self.finding(dict(row)) for row in rows]

    def finding(self, facts: Mapping[str, Any], severity: str = "") -> Finding:
        """Builds a finding; its key and sentence come from the templates."""
        words = {name: "?" if value is None else value for name, value in facts.items()}
        return Finding(
            self.key.format_map(words),
            self.sick.format_map(words),
            severity or self.severity,
            {name: plain(value) for name, value in facts.items()},
        )

    def well_again(self, facts: Mapping[str, Any], lasted: float) -> str:
        """The recovery sentence, from the last known facts and the duration of the problem in seconds."""
        words = {name: "?" if value is None else value for name, value in facts.items()}
        return self.well.format_map({**words, "lasted": span(lasted, fine=True)})


def moment(value: object) -> datetime | None:
    """A database's time as aware UTC: SQLite returns text, PostgreSQL its session's zone. None if it is not a time."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def age(value: object, now: datetime) -> float | None:
    """Seconds since `value`, never negative; None if `value` is not a time."""
    then = moment(value)
    return None if then is None else max(0.0, (now - then).total_seconds())


def plain(value: object) -> Any:
    """Converts `value` to plain JSON values."""
    if isinstance(value, datetime):
        return (moment(value) or value).isoformat()
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")  # PostgreSQL can't store NUL
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value  # JSON can't express NaN and infinity; they become text
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value)
