"""Silences: what is quiet until when, by whom and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bot.core.incidents.routing import Severity, Silence
from bot.core.redaction import redact
from bot.core.roles import Role
from bot.store.tables import silences


def add_silence(t: Connection, silence: Silence, now: datetime) -> Silence:
    done = t.execute(insert(silences).values(
        scope=silence.scope, deployment=silence.deployment, until=silence.until, by=silence.by, reason=redact(silence.reason),
        created_at=now, severity=silence.severity.value, role=silence.role.name,
    ).returning(silences.c.id))  # fmt: skip
    return replace(silence, id=done.scalar_one())


def active_silences(t: Connection, now: datetime) -> list[Silence]:
    """The silences that are active now, the one that ends first at the front."""
    query = select(silences).where(silences.c.until > now, silences.c.ended_at.is_(None)).order_by(silences.c.until)
    return [Silence(row.id, row.scope, row.deployment, row.until, row.by, row.reason, Severity(row.severity), Role[row.role])
            for row in t.execute(query)]  # fmt: skip


def end_silence(t: Connection, silence_id: int, now: datetime) -> bool:
    """Ends a silence. True if it was active."""
    if silence_id >= 2**63:  # a user's input; no row has such an id
        return False
    holding = (silences.c.id == silence_id, silences.c.ended_at.is_(None), silences.c.until > now)
    return t.execute(update(silences).where(*holding).values(ended_at=now)).rowcount == 1
