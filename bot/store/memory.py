"""What must survive a restart and belongs to nobody else: small JSON values by key, and silences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.core.access import Role
from bot.core.incidents.routing import Severity, Silence
from bot.core.redaction import redact
from bot.store.audit import record
from bot.store.store import Store
from bot.store.tables import memory, silences

__all__ = [
    "Remembered", "active_silences", "add_silence", "below", "drop", "end_silence", "keep", "keep_new", "recall", "record",
]  # fmt: skip


def recall(t: Connection, key: str) -> dict[str, Any]:
    """The value kept under the key, empty when there is none."""
    value = t.scalar(select(memory.c.value).where(memory.c.key == key))
    return dict(value) if value else {}


def keep(t: Connection, key: str, value: Mapping[str, Any]) -> None:
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(memory).values(key=key, value=dict(value))
    t.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": dict(value)}))


def keep_new(t: Connection, key: str, value: Mapping[str, Any]) -> bool:
    """Keeps it unless something is kept under the key; False when something is."""
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    new = dialect.insert(memory).values(key=key, value=dict(value)).on_conflict_do_nothing().returning(memory.c.key)
    return t.scalar(new) is not None  # not the rowcount, which psycopg does not always tell


def drop(t: Connection, key: str) -> None:
    t.execute(delete(memory).where(memory.c.key == key))


def below(t: Connection, prefix: str) -> dict[str, dict[str, Any]]:
    """What is kept under keys that begin so, by the rest of the key."""
    mine = memory.c.key.startswith(prefix, autoescape=True)
    return {row.key[len(prefix) :]: dict(row.value) for row in t.execute(select(memory).where(mine))}


def add_silence(t: Connection, silence: Silence, now: datetime) -> Silence:
    done = t.execute(insert(silences).values(
        scope=silence.scope, deployment=silence.deployment, until=silence.until, by=silence.by, reason=redact(silence.reason),
        created_at=now, severity=silence.severity.value, role=silence.role.name,
    ).returning(silences.c.id))  # fmt: skip
    return replace(silence, id=done.scalar_one())


def active_silences(t: Connection, now: datetime) -> list[Silence]:
    """Those that hold now, the one that ends first in front."""
    query = select(silences).where(silences.c.until > now, silences.c.ended_at.is_(None)).order_by(silences.c.until)
    return [Silence(row.id, row.scope, row.deployment, row.until, row.by, row.reason, Severity(row.severity), Role[row.role])
            for row in t.execute(query)]  # fmt: skip


def end_silence(t: Connection, silence_id: int, now: datetime) -> bool:
    """True when it held until now."""
    if silence_id >= 2**63:  # somebody typed it; no row has such a number
        return False
    holding = (silences.c.id == silence_id, silences.c.ended_at.is_(None), silences.c.until > now)
    return t.execute(update(silences).where(*holding).values(ended_at=now)).rowcount == 1


class Remembered:
    """Small values by key for whoever only reads and writes those: `get` gives None where there is nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> dict[str, Any] | None:
        with self._store.read() as t:
            return recall(t, key) or None

    def put(self, key: str, value: dict[str, Any]) -> None:
        with self._store.write() as t:
            keep(t, key, value)
