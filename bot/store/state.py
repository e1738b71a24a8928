"""State that must survive a restart and belongs to no other table: small JSON values by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.database import Store
from bot.store.tables import memory


def recall(t: Connection, key: str) -> dict[str, Any]:
    """The value stored under the key, empty if there is none."""
    value = t.scalar(select(memory.c.value).where(memory.c.key == key))
    return dict(value) if value else {}


def keep(t: Connection, key: str, value: Mapping[str, Any]) -> None:
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(memory).values(key=key, value=dict(value))
    t.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": dict(value)}))


def keep_new(t: Connection, key: str, value: Mapping[str, Any]) -> bool:
    """Stores the value unless the key exists; False if it does."""
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    new = dialect.insert(memory).values(key=key, value=dict(value)).on_conflict_do_nothing().returning(memory.c.key)
    return t.scalar(new) is not None  # not the rowcount, which psycopg doesn't always report


def drop(t: Connection, key: str) -> None:
    t.execute(delete(memory).where(memory.c.key == key))


def below(t: Connection, prefix: str) -> dict[str, dict[str, Any]]:
    """The values whose keys have this prefix, by the rest of the key."""
    mine = memory.c.key.startswith(prefix, autoescape=True)
    return {row.key[len(prefix) :]: dict(row.value) for row in t.execute(select(memory).where(mine))}


class Remembered:
    """Small values by key, for callers that need nothing else; `get` returns None for a missing key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> dict[str, Any] | None:
        with self._store.read() as t:
            return recall(t, key) or None

    def put(self, key: str, value: dict[str, Any]) -> None:
        with self._store.write() as t:
            keep(t, key, value)
