"""Comparisons with times that the bot set itself, with a clock that may jump.

A time further ahead than the bot ever sets one was written before the clock was put back, and counts as reached.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, or_

LONGEST_WAIT = timedelta(minutes=2)  # for an edit, a thread line, an attempt
LONGEST_CLAIM = timedelta(minutes=3)


def reached(column: Column[datetime], now: datetime, longest: timedelta = LONGEST_WAIT) -> ColumnElement[bool]:
    """Whether the time has been reached; it is never set further ahead than `longest`."""
    return or_(column <= now, column > now + longest)


def free(column: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether there is no active claim."""
    return or_(column.is_(None), reached(column, now, LONGEST_CLAIM))
