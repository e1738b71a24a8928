"""Days, moments and durations as people write them: `2026-11-22T05:00`, `yesterday`, `monday`, `3d ago`, `1h30m`.

Everything is UTC and the clock is an argument. `from monday to yesterday` includes all of yesterday. Input that isn't
understood gives None, never a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_PIECE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s{0,3}(ms|s|m|min|h|d|w)(?![a-z])")
_PIECES = re.compile(rf"(?:{_PIECE.pattern})+")
_AGO = re.compile(r"(\d{1,4}\s*(?:m|min|h|d|w))[ -]*ago")
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_A_DAY = timedelta(days=1)
_LAST: dict[str, Any] = {"hour": 23, "minute": 59, "second": 59, "microsecond": 999_999}


def duration(words: str) -> timedelta | None:
    """The duration in `30m`, `2h`, `1h30m`, `7d` or `500ms`; None if the words are not a duration."""
    text = words.strip().lower()
    if not _PIECES.fullmatch(text):
        return None
    try:
        return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(text)))
    except OverflowError:  # more than two million years
        return None


def moment(words: str, now: datetime, *, end: bool = False) -> datetime | None:
    """The moment that is meant; for a day its start, or with `end` its last microsecond. None if it can't be read."""
    text = re.sub(r"(?<=\d)-{2}(?=\d)", "-", words.strip().lower())  # an editor's dash
    if text == "now":
        return now
    day = _day(text, now)
    if day is not None:
        return day.replace(**_LAST) if end else day
    if found := _AGO.fullmatch(text):
        return now - (duration(found[1]) or timedelta())
    try:
        at = datetime.fromisoformat(text.upper().replace(" ", "T", 1))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The first and the last moment of a day; None if the words are not a day."""
    start = _day(words.strip().lower(), now)
    return None if start is None else (start, start.replace(**_LAST))


def _day(text: str, now: datetime) -> datetime | None:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text in {"today", "yesterday"}:
        return midnight - (_A_DAY if text == "yesterday" else timedelta(0))
    if text in _WEEKDAYS:  # the most recent one, which may be today
        return midnight - timedelta(days=(midnight.weekday() - _WEEKDAYS.index(text)) % 7)
    if not _DAY.fullmatch(text):
        return None
    try:
        return datetime(*(int(part) for part in text.split("-")), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None


def span(seconds: float, *, fine: bool = False) -> str:
    """A duration as people say it: `41 s`, `12 min`, `4 h`, `3 days`; `fine` adds the smaller unit: `3 min 10 s`,
    `4 h 20 min`, `2 days 4 h`."""
    whole = max(0, round(seconds))
    if 0 < seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    for size, unit, smaller, small in ((1, "s", 0, ""), (60, "min", 1, "s"), (3_600, "h", 60, "min")):
        if whole < {1: 120, 60: 6_000, 3_600: 172_800}[size]:
            rest = whole % size // smaller if smaller else 0
            detail = f" {rest} {small}" if fine and rest and whole < 10 * size else ""
            return f"{whole // size} {unit}{detail}"
    days, hours = divmod(whole // 3_600, 24)
    return f"{days} days {hours} h" if fine and hours and days < 10 else f"{days} days"
