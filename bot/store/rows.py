"""Many rows by one statement of the driver's own.

Hard case: a storm. Each row that Python hands to SQLite by itself is a chance for another thread to take the interpreter, while
everybody waits for the file; and for a single row, SQLAlchemy costs more than the database. Rule: values are the driver's
(moments as microseconds, JSON as text), and names of tables and columns are ours, never foreign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from bot.store.tables import stored_moment

_ROWS = 500  # a statement; SQLite takes 32,766 values


def driven(t: Connection, statement: str, values: Sequence[Any]) -> Any:
    """Runs a statement in this transaction by the driver itself; its cursor."""
    driver: Any = t.connection.driver_connection
    return driver.execute(statement, values)


def add(t: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows of driver values."""
    for chunk in chunks(rows):
        driven(t, _insert(table, tuple(columns), len(chunk), hole(t)), list(chain.from_iterable(chunk)))


def add_mappings(t: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all have the same columns; moments may be given as they are."""
    if rows:
        add(t, table, list(rows[0]), [[_value(one) for one in row.values()] for row in rows])


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As many as one statement takes."""
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))


def hole(t: Connection) -> str:
    """Where the driver puts a value."""
    return "?" if t.dialect.name == "sqlite" else "%s"


def _value(one: Any) -> Any:
    return stored_moment(one) if isinstance(one, datetime) else one


@lru_cache(maxsize=256)
def _insert(table: str, columns: tuple[str, ...], rows: int, hole: str) -> str:
    row = f"({','.join([hole] * len(columns))})"
    return f"insert into {table} ({','.join(columns)}) values {','.join([row] * rows)}"
