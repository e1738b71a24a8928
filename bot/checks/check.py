"""A check is a fact and a danger in one record: the SQL, the threshold, the sick sentence and the well sentence.

Ages are compared with the database's own `now`, since clocks differ. A check only reads; a sick row of its answer
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
ROW_LIMIT = 500  # of one check in one sweep; more of the same adds nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One sick row. `subject` is the same text as long as it is the same trouble; `facts` are plain JSON values."""

    subject: str
    sentence: str
    severity: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sight:
    """The circumstances of one look: the database's own time, Airflow's major version, how long its answer took (s)."""

    now: datetime
    major: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `sql` may use `:since` (the database's now less the threshold, where that is seconds) and
    `:most`, and `:hour` and `:week` (the now less that); `sqlite` is for a database that lacks a function; `key`, `sick` and
    `well` are templates over a finding's facts, `well` also knows `{lasted}`. What has not lasted for `holds` seconds is not
    reported; `every` (seconds) asks less often than each sweep; `deployment` is the only one that is asked (empty: all)."""

    name: str
    title: str
    subject: str  # what sort of thing a finding is about, in words
    sql: Mapping[int, str]  # by major version of Airflow
    threshold: float
    unit: str  # of the threshold; "s" makes `:since`
    severity: str
    key: str
    sick: str
    well: str
    runbook: str
    judge: Callable[[Check, Sequence[Row], Sight], list[Finding]] | None = None
    sqlite: Mapping[int, str] = field(default_factory=dict)
    holds: float = 0.0
    every: float = 0.0
    deployment: str = ""
    tags: tuple[str, ...] = ()
    foreign: bool = False  # the question is not ours, so its answer may be of any size

    def since(self, now: datetime) -> datetime:
        """What is older than this is too old."""
        return now - timedelta(seconds=self.threshold if self.unit == "s" else 0)

    def findings(self, rows: Sequence[Row], sight: Sight) -> list[Finding]:
        """The sick ones among the rows; without a `judge` every row is one."""
        if self.judge is not None:
            return self.judge(self, rows, sight)
        return [self.finding(dict(row)) for row in rows]

    def finding(self, facts: Mapping[str, Any], severity: str = "") -> Finding:
        """A finding with its key and sentence made from the templates."""
        words = {name: "?" if value is None else value for name, value in facts.items()}
        return Finding(
            self.key.format_map(words),
            self.sick.format_map(words),
            severity or self.severity,
            {name: plain(value) for name, value in facts.items()},
        )

    def well_again(self, facts: Mapping[str, Any], lasted: float) -> str:
        """The well sentence, from the facts of when it was sick and how long that was (s)."""
        words = {name: "?" if value is None else value for name, value in facts.items()}
        return self.well.format_map({**words, "lasted": span(lasted, fine=True)})


def moment(value: object) -> datetime | None:
    """A database's time as aware UTC: SQLite gives text, PostgreSQL its session's zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def age(value: object, now: datetime) -> float | None:
    """Seconds since `value`, None when there is no such time; never negative."""
    then = moment(value)
    return None if then is None else max(0.0, (now - then).total_seconds())


def plain(value: object) -> Any:
    """`value` as JSON can say it."""
    if isinstance(value, datetime):
        return (moment(value) or value).isoformat()
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")  # which PostgreSQL does not keep
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value  # JSON has no word for the other floats
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value)
