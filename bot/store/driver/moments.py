"""Moments that we set ourselves, by a clock that may jump.

A moment further ahead than we ever set one was written before the clock was put back, and counts as reached.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, or_

LONGEST_WAIT = timedelta(minutes=2)  # of an edit, a thread line, a try
LONGEST_CLAIM = timedelta(minutes=3)


def reached(column: Column[datetime], now: datetime, longest: timedelta = LONGEST_WAIT) -> ColumnElement[bool]:
    """Whether the moment has come; it is never set further ahead than `longest`."""
    return or_(column <= now, column > now + longest)


def free(column: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether no claim still holds."""
    return or_(column.is_(None), reached(column, now, LONGEST_CLAIM))
