"""Plans that wait for a second person.

Every state is left by a conditional UPDATE, so of two approvals, or an approval and a withdrawal, exactly one counts.
What the channel shows is stored, so it continues after a restart.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from bot.core.access import Person
from bot.core.remediation import Approval, Plan, Standing
from bot.store import remediations
from bot.store.tables import approvals


def wait(t: Connection, plan: Plan, now: datetime) -> bool:
    """Makes the plan wait for a second person. False if it waited before."""
    if find(t, plan.id) is not None:
        return False
    t.execute(insert(approvals).values(plan_id=plan.id, standing=Standing.waiting.value, asked_at=now))
    return True


def find(t: Connection, plan_id: str) -> Approval | None:
    row = t.execute(select(approvals).where(approvals.c.plan_id == plan_id)).one_or_none()
    return None if row is None else _approval(t, row)


def leave(t: Connection, plan_id: str, standing: Standing, second: Person | None = None) -> bool:
    """Ends the wait; True for exactly one caller."""
    waiting = (approvals.c.plan_id == plan_id, approvals.c.standing == Standing.waiting.value)
    who = {"second": second.name, "second_id": second.id} if second else {}
    return t.execute(update(approvals).where(*waiting).values(standing=standing.value, **who)).rowcount == 1


def waiting(t: Connection) -> list[Approval]:
    query = select(approvals).where(approvals.c.standing == Standing.waiting.value)
    return [one for row in t.execute(query) if (one := _approval(t, row)) is not None]


def untold(t: Connection) -> list[Approval]:
    """Approvals whose message is outdated, oldest first, at most 20."""
    query = select(approvals).where(approvals.c.shown != approvals.c.standing).order_by(approvals.c.asked_at).limit(20)
    return [one for row in t.execute(query) if (one := _approval(t, row)) is not None]


def told(t: Connection, plan_id: str, standing: str, channel_id: str, ref: str) -> None:
    t.execute(update(approvals).where(approvals.c.plan_id == plan_id)
              .values(shown=standing, channel_id=channel_id, ref=ref))  # fmt: skip


def _approval(t: Connection, row: Row[Any]) -> Approval | None:
    found = remediations.plan(t, row.plan_id)
    if found is None:
        return None
    return Approval(
        found[0], Standing(row.standing), row.asked_at, row.second, row.shown, row.channel_id, row.ref,
        row.second_id,
    )  # fmt: skip
