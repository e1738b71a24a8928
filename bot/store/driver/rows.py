"""Inserts many rows with one statement, executed by the driver directly.

Each row that Python hands to SQLite separately lets another thread take the interpreter while others wait for the file,
and for a single row SQLAlchemy costs more than the database. Values are in the driver's form (microseconds, JSON text);
names of tables and columns are constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from bot.store.driver.encoding import stored_moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ROWS = 500  # rows per statement; SQLite allows 32,766 values


class Driver:
    """A driver connection in a transaction. `hole` is its placeholder for a value."""

    def __init__(self, connection: Any, hole: str) -> None:
        self._connection, self.hole = connection, hole

    def run(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Runs one statement, with `?` as placeholder; returns its cursor."""
        return self._connection.execute(statement if self.hole == "?" else statement.replace("?", self.hole), values)


def driver(t: Connection) -> Driver:
    """The driver's connection of this transaction."""
    return Driver(t.connection.driver_connection, "?" if t.dialect.name == "sqlite" else "%s")


def add(by: Driver, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Inserts rows of driver values."""
    for chunk in chunks(rows):
        by.run(_insert(table, tuple(columns), len(chunk)), list(chain.from_iterable(chunk)))


def add_mappings(t: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that all have the same columns; datetimes are converted."""
    if rows:
        add(driver(t), table, list(rows[0]), [[_value(one) for one in row.values()] for row in rows])


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Splits rows into chunks that fit into one statement."""
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))


def holes(number: int) -> str:
    """A list of placeholders."""
    return ",".join("?" * number)


def _value(one: Any) -> Any:
    return stored_moment(one) if isinstance(one, datetime) else one


@lru_cache(maxsize=256)
def _insert(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({holes(len(columns))})"
    return f"insert into {table} ({','.join(columns)}) values {','.join([row] * rows)}"
