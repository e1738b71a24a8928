"""Reads an Airflow metastore on PostgreSQL or SQLite. MySQL is refused by name, since its queries can't be bounded
here.

Each query runs in a read-only transaction of its own with a time limit, and fails at once when it meets a lock, so that
it can't hurt Airflow. Anything that a query leaves in its session (a lock, a setting) is discarded. Errors are
`Temporary` or `Permanent` and nothing else.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, Engine, RowMapping, TextClause, bindparam, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.checks.check import Snapshot, moment
from bot.core.errors import Permanent, Temporary

_GUARD = (
    "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = 500; "
    "SET LOCAL idle_in_transaction_session_timeout = 10000; SET LOCAL timezone = 'UTC'; SET LOCAL cursor_tuple_fraction = 1"
)
_BY_INDEX = "; SET LOCAL enable_seqscan = off; SET LOCAL random_page_cost = 1.1"
_POWER = """
    select rolsuper as superuser, has_table_privilege(current_user, 'task_instance', 'INSERT, UPDATE, DELETE') as writes
    from pg_roles where rolname = current_user
"""
MOST_ROWS, MOST_BYTES = 100_000, 32 * 1_048_576
_NOW = {"sqlite": "select strftime('%Y-%m-%d %H:%M:%f', 'now')"}


class Metastore:
    """One deployment's metastore. `seconds` is the time limit of each query; PostgreSQL enforces it itself. With
    `by_index` PostgreSQL is made to read large tables by an index instead of scanning them."""

    def __init__(self, url: str, *, seconds: float = 5.0, by_index: bool = False) -> None:
        self._engine, self._seconds = engine(url, seconds, by_index=by_index), seconds

    @cached_property
    def major(self) -> int:
        """Airflow's major version, 2 or 3, derived from the columns, because the alembic revision differs with every
        release."""
        with _Mapped(), self._engine.connect() as connection:
            looked = inspect(connection)
            tables = set(looked.get_table_names())
            if not {"task_instance", "job", "import_error"} <= tables:
                raise Permanent(
                    "This database isn't an Airflow metastore, or the role may not read its tables.", "no-tables"
                )
            columns = {column["name"] for column in looked.get_columns("task_instance")}
        return 3 if "last_heartbeat_at" in columns else 2

    def snapshot(self) -> Snapshot:
        """Reads the database's own time and Airflow's major version, and measures the response time."""
        major, start = self.major, time.monotonic()
        with _Mapped(), self._engine.connect() as connection:
            now = moment(connection.execute(text(_NOW.get(self._dialect, "select now()"))).scalar_one())
        if now is None:
            raise Permanent("The metastore did not say what time it is.", "no-time")
        return Snapshot(now, major, time.monotonic() - start)

    def rows(self, sql: str, **values: Any) -> list[Mapping[str, Any]]:
        """Runs the query and returns all rows. Times among `values` are converted to the database's format; a list is
        expanded for an `in`, and may hold tuples."""
        return self._answer(text(sql), values)

    def rows_in_pieces(self, sql: str, **values: Any) -> list[Mapping[str, Any]]:
        """Like `rows`, for a custom query, whose answer may be of any size: PostgreSQL streams it."""
        return self._answer(text(sql).execution_options(stream_results=True, max_row_buffer=10), values)

    def _answer(self, asked: TextClause, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        bound = {name: self._bound(value) for name, value in values.items()}
        lists: list[Any] = [
            bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)
        ]
        until = time.monotonic() + 2 * self._seconds  # PostgreSQL's own limit applies to each fetch
        with (
            _Mapped(),
            self._engine.connect() as connection,
            connection.execute(asked.bindparams(*lists), bound) as answer,
        ):
            return list(_within(answer.mappings(), until))

    def power(self) -> str:
        """What the role may do beyond reading, empty if it may only read. Only known for PostgreSQL."""
        if self._dialect != "postgresql":
            return ""
        (row,) = self.rows(_POWER)
        return "is a superuser" if row["superuser"] else "may write to task_instance" if row["writes"] else ""

    def close(self) -> None:
        self._engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        return self._dialect == "sqlite"

    @property
    def _dialect(self) -> str:
        return self._engine.dialect.name

    def _bound(self, value: Any) -> Any:
        if not isinstance(value, datetime) or self._dialect == "postgresql":
            return value
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return utc.isoformat(" ", "microseconds") if self._dialect == "sqlite" else utc


def _within(answer: Iterable[RowMapping], until: float) -> Iterator[dict[str, Any]]:
    """Yields the rows. Raises Permanent beyond `MOST_ROWS` or `MOST_BYTES`, and Temporary after `until` (monotonic)."""
    size = 0
    for number, row in enumerate(answer):
        kept = dict(row)
        size += sum(len(value) for value in kept.values() if isinstance(value, str | bytes))
        if number >= MOST_ROWS or size > MOST_BYTES:
            raise Permanent(
                f"The metastore's answer is too large: more than {MOST_ROWS:,} rows or {MOST_BYTES >> 20} MiB.",
                "too-large",
            )
        if time.monotonic() > until:
            raise Temporary("The metastore's answer took too long.")
        yield kept


def engine(url: str, seconds: float = 5.0, *, by_index: bool = False) -> Engine:
    """A read-only engine with one connection. Raises Permanent if the address is not valid or not supported."""
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            return _sqlite(address, seconds)
        if address.get_backend_name() == "postgresql":
            return _postgresql(address, seconds, _GUARD + (_BY_INDEX if by_index else ""))
        raise ValueError(
            f"{address.get_backend_name()} is not supported; it can be PostgreSQL or SQLite. Leave the setting empty: Windsock "
            "then asks Airflow's API"
        )
    except (ArgumentError, ImportError, ValueError) as error:
        raise Permanent(f"The metastore's address cannot be used: {error}", "bad-url") from error


def _sqlite(address: URL, seconds: float) -> Engine:
    made = create_engine(_read_only_file(address), connect_args={"timeout": min(seconds, 2.0)})

    @event.listens_for(made, "before_cursor_execute")
    def _limit(connection: Connection, *_: Any) -> None:
        """Enforces the time limit: SQLite has none, but calls a progress handler every 10,000 steps."""
        end = time.monotonic() + seconds
        driver: Any = connection.connection.driver_connection
        driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)  # one step can build a text of a gigabyte
        driver.set_progress_handler(lambda: int(time.monotonic() > end), 10_000)

    return made


def _read_only_file(address: URL) -> str:
    if not address.database or address.database == ":memory:":
        raise ValueError("a SQLite metastore is a file")
    return f"sqlite:///file:{quote(str(Path(address.database).absolute()))}?mode=ro&uri=true"


def _postgresql(address: URL, seconds: float, guard: str) -> Engine:
    made = create_engine(
        address.set(drivername="postgresql+psycopg"),  # Airflow's own setting often names another driver
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=2 * seconds,
        connect_args={"application_name": "windsock", "connect_timeout": max(2, round(seconds))},
    )

    @event.listens_for(made, "begin")
    def _guard(connection: Connection) -> None:
        # Set in the transaction, not in the connection's options, because a pooler in front may refuse those.
        connection.exec_driver_sql(guard.format(ms=round(seconds * 1000)))

    @event.listens_for(made, "checkin")
    def _forget(driver: Any, record: Any) -> None:
        """Discards locks and settings that a query left in its session."""
        try:
            driver.rollback()
            driver.autocommit = True
            driver.execute("DISCARD ALL")
            driver.autocommit = False
        except (psycopg.Error, OSError):  # drop the connection; the next query opens a new one
            record.invalidate()

    return made


class _Mapped:
    """Maps SQLAlchemy's errors to `Temporary` or `Permanent`, with a sentence for people."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, SQLAlchemyError):
            return
        said = _said(error)
        if isinstance(error, OperationalError) and "no such" in said:
            raise Permanent(f"The metastore does not have what was asked for: {said}", "no-such") from error
        if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
            raise Temporary(f"The metastore did not answer: {said}") from error
        raise Permanent(f"The metastore refused the question: {said}", type(error).__name__) from error


def _said(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())[:300]
