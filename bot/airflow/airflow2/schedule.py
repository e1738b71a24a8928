"""The dates of a 2.x DAG's schedule, computed here, since Airflow 2's API doesn't list them.

A run is named after the start of its interval and exists only once the interval is over. A timedelta schedule counts
from the run that Airflow plans next. A custom timetable is reported as arbitrary text. Dates that Airflow wouldn't
schedule are never offered; a schedule that can't be computed is refused with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.airflow import parsing
from bot.core.airflow import cron
from bot.core.errors import Permanent

MOST_DATES = 1000  # in one backfill; more are most likely a typing error
ZONE = re.compile(r"""(?:Timezone\(['"])?(?P<name>[\w/+-]+?)(?:['"]\))?""")


@dataclass(frozen=True, slots=True)
class Slot:
    """One scheduled run: its logical date and the end of its data interval, both UTC."""

    logical_date: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a DAG runs: by `cron` in `zone`, or every `step` counted from `anchor`, within `first` and `last`.

    `is_point` is for timetables whose data interval has no length.
    """

    dag_id: str
    cron: cron.Cron | None
    zone: tzinfo
    step: timedelta
    anchor: datetime
    is_point: bool
    first: datetime | None
    last: datetime | None

    def slots(self, start: datetime, end: datetime, now: datetime) -> list[Slot]:
        """The runs in a window (both ends included) whose interval is over. Raises Permanent for more than 1,000."""
        until = end if self.last is None else min(end, self.last)
        since = start if self.first is None else max(start, self.first)
        found: list[Slot] = []
        for one in takewhile(lambda slot: slot.logical_date <= until and slot.end <= now, self._slots(since)):
            found.append(one)
            if len(found) > MOST_DATES:
                raise Permanent(f"that are more than {MOST_DATES} runs of {self.dag_id}; ask for fewer", "too_many")
        return found

    def slot(self, logical_date: datetime) -> Slot | None:
        """The run at exactly this date; None if the schedule has none."""
        found = next(self._slots(logical_date), None)
        return found if found is not None and found.logical_date == logical_date else None

    def _slots(self, since: datetime) -> Iterator[Slot]:
        moments = self._steps(since) if self.cron is None else self.cron.moments(since, self.zone)
        return (Slot(at, at if self.is_point else following) for at, following in pairwise(moments))

    def _steps(self, since: datetime) -> Iterator[datetime]:
        number = math.ceil((since - self.anchor) / self.step)
        while True:
            yield self.anchor + number * self.step
            number += 1


def of_dag(row: Mapping[str, Any], details: Mapping[str, Any]) -> Schedule:
    """The schedule from a DAG's row and its details. Raises Permanent if it has no dates, or is neither a cron
    expression nor a timedelta."""
    dag_id, told = str(row.get("dag_id") or ""), row.get("schedule_interval")
    kind = told.get("__type") if isinstance(told, Mapping) else None
    expression, step = _cron(dag_id, told) if kind == "CronExpression" else None, _step(told)
    if expression is None and not step:
        raise Permanent(_why_not(dag_id, kind), "no_schedule" if kind is None else "timetable")
    first = parsing.moment(details.get("start_date"))
    began, ended = (parsing.moment(row.get(f"next_dagrun_data_interval_{edge}")) for edge in ("start", "end"))
    anchor = parsing.moment(row.get("next_dagrun")) or began or first
    if expression is None and anchor is None:
        raise Permanent(f"{dag_id} has no start, so that its dates cannot be computed", "timetable")
    return Schedule(
        dag_id=dag_id,
        cron=expression,
        zone=_zone(dag_id, details.get("timezone")),
        step=step,
        anchor=anchor or datetime(2000, 1, 1, tzinfo=UTC),
        is_point=began is not None and began == ended,
        first=first,
        last=parsing.moment(details.get("end_date")),
    )


def _why_not(dag_id: str, kind: object) -> str:
    if kind is None:
        return f"{dag_id} has no schedule with dates, so that there is nothing to backfill"
    return f"{dag_id} has a timetable whose dates the bot cannot compute ({kind}); `airflow dags backfill` can"


def _cron(dag_id: str, told: Any) -> cron.Cron | None:
    text = str(told.get("value") or "").strip()
    if text in ("@once", "@continuous", "Dataset", ""):
        raise Permanent(_why_not(dag_id, None), "no_schedule")
    try:
        return cron.parse(text)
    except ValueError as error:
        raise Permanent(f"{_why_not(dag_id, text)}: {error}", "timetable") from None


def _step(told: Any) -> timedelta:
    if not isinstance(told, Mapping) or told.get("__type") != "TimeDelta":
        return timedelta()
    figures = {unit: told.get(unit) for unit in ("days", "seconds", "microseconds")}
    return timedelta(**{unit: figure for unit, figure in figures.items() if isinstance(figure, int)})


def _zone(dag_id: str, told: Any) -> tzinfo:
    """Parses the time zone. Airflow 2 reports Python's repr: `Timezone('Europe/Berlin')`."""
    found = ZONE.fullmatch(str(told or "UTC"))
    try:
        return ZoneInfo(found["name"] if found else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Permanent(f"{dag_id} is in the time zone `{told}`, which the bot does not know", "timetable") from None
