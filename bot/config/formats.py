"""How values are written in settings: durations, time zones, database URLs. The text of a ValueError continues after
the setting's name."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.core import dates
from bot.core.json_text import read_json

_LONGEST = 10 * 365 * 86400


def duration(value: Any) -> Any:
    """Converts `15s`, `5m`, `2h`, `7d`, or a number of seconds to a timedelta; other types are returned unchanged.
    Raises ValueError."""
    if isinstance(value, str):
        text = value.strip()
        read = dates.duration(f"{text}s" if text[-1:].isdigit() else text)
        if read is None:
            raise ValueError("is not a duration such as 15s, 5m, 2h or 7d")
        value = read.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not 0 <= value <= _LONGEST:
        raise ValueError("is not a duration between 0 and ten years")
    return timedelta(seconds=value)


def from_json(value: Any) -> Any:
    """Decodes JSON lists and objects inside a table, which come as text from the environment."""
    if isinstance(value, Mapping):
        return {name: from_json(inner) for name, inner in value.items()}
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        with contextlib.suppress(ValueError):
            return read_json(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]


def time_zone(value: str) -> str:
    """Checks the name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("isn't a time zone such as UTC or Europe/Berlin") from None
    return value


def store_url(value: str) -> str:
    """Checks a SQLAlchemy URL of SQLite or PostgreSQL. The ValueError doesn't contain the value, because it may hold a
    password."""
    try:
        backend = make_url(value).get_backend_name()
    except (ArgumentError, ValueError):
        raise ValueError("isn't a URL such as sqlite:///windsock.db or postgresql+psycopg://user@host/name") from None
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError(f"{backend} is not supported; use sqlite:///… or postgresql+psycopg://…")
    return value
