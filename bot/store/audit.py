"""The audit: who requested what, whether it was allowed, and the outcome. Append-only: the database refuses changes.

A listener opens a `Request`; a line written meanwhile belongs to it and gets its link, and the listener writes a line
itself only if none was written. Lines contain no secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select

from bot.core.access import Person
from bot.core.audit import Line, Request
from bot.core.redaction import redact
from bot.store.tables import audit

LONGEST = 1_000


_asked: ContextVar[Request | None] = ContextVar("asked", default=None)


@contextmanager
def asked(request: Request) -> Iterator[Request]:
    """Assigns the lines that are written in this block to the request."""
    token = _asked.set(request)
    try:
        yield request
    finally:
        _asked.reset(token)


def learn(**known: Any) -> None:
    """Adds facts to the current request: deployment, incident_id, plan_digest, by_break_glass, outcome."""
    request = _asked.get()
    if request is not None:
        for name, value in known.items():
            setattr(request, name, value)


def record(
    t: Connection, now: datetime, person: Person, verb: str, argument: str, *, allowed: bool, outcome: str,
    incident_id: int | None = None, plan_digest: str = "", deployment: str = "", second: Person | None = None,
    by_break_glass: bool = False,
) -> None:  # fmt: skip
    """Writes one line; every press and command gets one, allowed or refused."""
    request = _asked.get() or Request("", "")
    request.written += 1
    t.execute(insert(audit).values(
        at=now, who=person.name, who_id=person.id, verb=verb[:32], argument=redact(argument)[:LONGEST], allowed=allowed,
        outcome=redact(outcome)[:LONGEST], incident_id=request.incident_id if incident_id is None else incident_id,
        plan_digest=plan_digest or request.plan_digest, deployment=deployment or request.deployment,
        second=second.name if second else "", second_id=second.id if second else "",
        break_glass=by_break_glass or request.by_break_glass, link=request.link,
    ))  # fmt: skip


def lines(
    t: Connection, *, since: datetime | None = None, who_id: str = "", who: str = "", incident_id: int | None = None,
    word: str = "", limit: int = 0,
) -> list[Line]:  # fmt: skip
    """Matching lines, newest first. `who` is a stored first name in any case, `word` a part of the argument; `limit` 0
    returns all."""
    query = select(audit).order_by(audit.c.id.desc())
    if since is not None:
        query = query.where(audit.c.at >= since)
    if who_id:
        query = query.where(or_(audit.c.who_id == who_id, audit.c.second_id == who_id))
    if who:
        query = query.where(or_(func.lower(audit.c.who) == who.lower(), func.lower(audit.c.second) == who.lower()))
    if incident_id is not None:
        query = query.where(audit.c.incident_id == incident_id)
    if word:
        query = query.where(audit.c.argument.contains(word, autoescape=True))
    return [_line(row) for row in t.execute(query.limit(limit) if limit else query)]


def under_glass(t: Connection, who_id: str, since: datetime) -> int:
    """How many actions beyond their own role a person took since then."""
    query = select(func.count()).where(
        audit.c.who_id == who_id, audit.c.at >= since, audit.c.break_glass, audit.c.allowed
    )
    return int(t.scalar(query) or 0)


def _line(row: Row[Any]) -> Line:
    return Line(
        row.id, row.at, row.who, row.who_id, row.verb, row.argument, row.allowed, row.outcome, row.incident_id,
        row.plan_digest, row.deployment, row.second, row.second_id, row.break_glass, row.link,
    )  # fmt: skip
