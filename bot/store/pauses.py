"""Timed pauses: one row per DAG in the state table.

The key is a digest, since a DAG id may be longer than a key; the name is in the row. A row is deleted when the DAG is
unpaused, or when the pause is replaced.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from bot.store.driver.encoding import digest
from bot.store.state import keep
from bot.store.tables import memory

_PREFIX = "paused-until:"


def _key(deployment: str, dag_id: str) -> str:
    return _PREFIX + digest(f"{deployment}\n{dag_id}")


def add(t: Connection, deployment: str, dag_id: str, until: datetime, row: dict[str, Any]) -> None:
    """Stores a timed pause. `row` says who requested it and where."""
    body = {"deployment": deployment, "dag_id": dag_id, "until": until.isoformat(), **row}
    keep(t, _key(deployment, dag_id), body)


def remove(t: Connection, deployment: str, dag_id: str) -> None:
    t.execute(delete(memory).where(memory.c.key == _key(deployment, dag_id)))


def all_of(t: Connection) -> list[dict[str, Any]]:
    """All timed pauses, the one that ends first at the front."""
    rows = t.scalars(select(memory.c.value).where(memory.c.key.like(f"{_PREFIX}%")))
    return sorted((dict(row) for row in rows), key=lambda row: str(row["until"]))


def over(t: Connection, now: datetime) -> list[dict[str, Any]]:
    return [row for row in all_of(t) if datetime.fromisoformat(row["until"]) <= now]
