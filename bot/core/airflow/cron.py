"""Cron expressions as Airflow reads them: five fields, and when they fire in a time zone.

If both day fields are restricted, either may match; Sunday is 0 and 7. If the clocks skip an hour, the schedule fires
an hour later; if they repeat one, it fires once, unless it fires every hour. Syntax that isn't fully supported (`L5`,
`5#3`, seconds) raises ValueError.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
NUMBERS: dict[str, int] = {}  # the other fields have no names
BOUNDS = ((0, 59, NUMBERS), (0, 23, NUMBERS), (1, 31, NUMBERS), (1, 12, MONTHS), (0, 7, DAYS))
PART = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")
LAST_DAY = 0  # stands for the last day of any month
HORIZON = timedelta(days=366 * 9)  # the 29th of February can be eight years away
STARS = ("*", "?")


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. `days` and `weekdays` are None for a star; Sunday is 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    def moments(self, start: datetime, zone: tzinfo, until: datetime | None = None) -> Iterator[datetime]:
        """When it fires, in UTC, from `start` (aware, inclusive) to about `until`, or for some nine years."""
        day = start.astimezone(zone).date() - timedelta(days=1)
        until = start + HORIZON if until is None else until + timedelta(days=2)  # a day for any zone, one to spare
        while datetime.combine(day, time(), UTC) < until:
            if self._fires_on(day):
                yield from (at for at in self._of_day(day, zone) if at >= start)
            day += timedelta(days=1)

    def _fires_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        is_last = day.day == calendar.monthrange(day.year, day.month)[1]
        by_date = self.days is not None and (day.day in self.days or (is_last and LAST_DAY in self.days))
        by_name = self.weekdays is not None and day.isoweekday() % 7 in self.weekdays
        return by_date or by_name or (self.days is None and self.weekdays is None)

    def _of_day(self, day: date, zone: tzinfo) -> list[datetime]:
        walls = (datetime.combine(day, time(hour, minute)) for hour in self.hours for minute in self.minutes)
        return sorted({at for wall in walls for at in self._as_utc(wall, zone)})

    def _as_utc(self, wall: datetime, zone: tzinfo) -> list[datetime]:
        early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if early == late:
            return [early]
        is_every_hour = len(self.hours) == 24
        if early > late:  # the clocks went forward over this wall time
            return [] if is_every_hour else [early]
        return [early, late] if is_every_hour else [late]


def parse(text: str) -> Cron:
    """The schedule that `text` describes. Raises ValueError that says, for people, what is not understood."""
    fields = PRESETS.get(text.strip().lower(), text).split()
    if len(fields) != len(BOUNDS):
        raise ValueError(f"`{text}` is not a cron expression of five fields")
    minutes, hours, days, months, weekdays = (
        _values(field, *bounds, is_day=place == 2)
        for place, (field, bounds) in enumerate(zip(fields, BOUNDS, strict=True))
    )
    named = frozenset(value % 7 for value in weekdays)
    return Cron(
        minutes,
        hours,
        None if _is_star(fields[2], days, 31, beside=fields[4]) else days,
        months,
        None if _is_star(fields[4], named, 7, beside=fields[2]) else named,
    )


def _is_star(field: str, values: frozenset[int], most: int, *, beside: str) -> bool:
    """Whether the field restricts nothing. Airflow's parser takes `*/1` and `1-31` for a star only next to a `*`."""
    return field in STARS or (len(values) == most and "*" in beside)


def _values(field: str, low: int, high: int, names: dict[str, int], *, is_day: bool) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        if part == "?" or (is_day and part == "l"):
            found |= set(range(low, high + 1)) if part == "?" else {LAST_DAY}
            continue
        found |= _part(part, low, high, names)
    return frozenset(found)


def _part(part: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    """The values of `*`, `5`, `1-5` or `fri-mon`, each with `/step`; `5/15` goes on to the end, as everywhere."""
    found = PART.fullmatch(part)
    if found is None:
        raise ValueError(f"`{part}` is not understood in a cron expression")
    step = int(found["step"] or 1)
    first = low if found["low"] is None else _number(found["low"], low, high, names)
    last = first if found["low"] is not None and found["step"] is None else (6 if names is DAYS else high)
    if found["high"] is not None:
        last = _number(found["high"], low, high, names)
    if not step or (first == last and found["low"] != part):  # `5-5` is every day to some, one day to others
        raise ValueError(f"`{part}` is not understood in a cron expression")
    if first <= last:
        return set(range(first, last + 1, step))
    around = [*range(first, high + (names is not DAYS)), *range(low, last + 1)]
    return set(around[::step])


def _number(word: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(word, int(word) if word.isdecimal() else -1)
    if not low <= value <= high:
        raise ValueError(f"`{word}` does not exist in a cron expression")
    return value
