"""Break-glass roles: who took which role, until when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from bot.core.access import Glass, Person
from bot.core.roles import Role
from bot.store.tables import broken_glass


def break_glass(t: Connection, person: Person, role: Role, reason: str, now: datetime, until: datetime) -> Glass:
    done = t.execute(insert(broken_glass).values(
        who=person.name, who_id=person.id, role=role.name, reason=reason, began_at=now, until=until,
    ).returning(broken_glass.c.id))  # fmt: skip
    return Glass(done.scalar_one(), person, role, reason, now, until, None, "")


def broken(t: Connection, now: datetime, who_id: str = "") -> list[Glass]:
    """The break-glass roles that are active now, of one person or of all."""
    query = select(broken_glass).where(broken_glass.c.ended_at.is_(None), broken_glass.c.until > now)
    return [_glass(row) for row in t.execute(query.where(broken_glass.c.who_id == who_id) if who_id else query)]


def end_glass(t: Connection, who_id: str, now: datetime) -> bool:
    """Ends a person's break-glass role. True if one was active."""
    held = (broken_glass.c.who_id == who_id, broken_glass.c.ended_at.is_(None), broken_glass.c.until > now)
    return t.execute(update(broken_glass).where(*held).values(ended_at=now)).rowcount > 0


def glass_untold(t: Connection) -> list[Glass]:
    """Those whose end has not been posted to the channel."""
    query = select(broken_glass).where(broken_glass.c.told != "over").order_by(broken_glass.c.id)
    return [_glass(row) for row in t.execute(query)]


def glass_told(t: Connection, glass_id: int, told: str) -> None:
    t.execute(update(broken_glass).where(broken_glass.c.id == glass_id).values(told=told))


def _glass(row: Row[Any]) -> Glass:
    return Glass(row.id, Person(row.who_id, row.who), Role[row.role], row.reason, row.began_at, row.until, row.ended_at,
                 row.told)  # fmt: skip
