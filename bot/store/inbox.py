"""Where signals are stored first: with SQLite a file of its own beside the store's, with PostgreSQL the store itself.

Hard cases: the store's writers, who must not make a sender wait (one file has one writer, so signals and their identities have
another file, which the rest of the house only reads); two processes that open a new file at once. Rule: what `take` has
returned is on the disk; the door takes signals by this file alone, so it imports next to nothing.
"""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random

from bot.core.errors import Permanent
from bot.store import letters
from bot.store.letters import Letter
from bot.store.rows import Driver
from bot.store.trouble import unable

BUSY_SECONDS = 10
TAKING = 7_406_093  # PostgreSQL's advisory locks are named by numbers
_AWAY_SECONDS = 5
# bounds for this transaction, and then the lock; at the connection a pooler in between would refuse them
_ALONE = (
    f"select set_config('lock_timeout', '{_AWAY_SECONDS}s', true), set_config('statement_timeout', '{_AWAY_SECONDS}s', true), "
    "pg_advisory_xact_lock(?)"
)


def beside(path: str) -> str:
    """The file of the inbox that belongs to this store's file."""
    return f"{path}.signals"


def prepare(connection: sqlite3.Connection) -> None:
    """What every connection to a file of ours begins with."""
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys=ON")
    _to_wal(connection)


@retry(
    retry=retry_if_exception_type(sqlite3.OperationalError),
    wait=wait_random(0.01, 0.05),
    stop=stop_after_delay(BUSY_SECONDS),
    reraise=True,
)
def _to_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here: a new file that two processes open at once is "locked" for the second of them."""
    connection.execute("PRAGMA journal_mode=WAL")


class Inbox:
    """One connection of the driver's own. `address` is the path of a file, or what libpq connects to."""

    def __init__(self, address: str) -> None:
        self._address, self._hole = address, "%s" if "://" in address else "?"
        self._driver: Any = importlib.import_module("psycopg" if "://" in address else "sqlite3")
        self._connection: Any = None

    def take(self, told: Sequence[Letter]) -> tuple[list[bool], int]:
        """Stores a batch; says of each whether it was news, and up to which id signals are stored now. Raises Temporary or
        Permanent when none of them was taken."""
        with self._transaction() as by:
            return letters.take(by, told, datetime.now(UTC)), letters.newest(by)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Driver]:
        """On a connection that stays open; one that failed is not kept."""
        try:
            by = self._in_file() if self._hole == "?" else self._in_postgres()
            yield by
            by.run("COMMIT")
        except BaseException as error:
            self.close()
            if isinstance(error, self._driver.OperationalError):
                raise unable(error) from error
            if isinstance(error, self._driver.Error):
                raise Permanent(f"the store refused: {error}", "store") from error
            raise

    def _in_file(self) -> Driver:
        self._connection = self._connection or _sqlite(self._address)
        by = Driver(self._connection, self._hole)
        by.run("BEGIN IMMEDIATE")
        return by

    def _in_postgres(self) -> Driver:
        """A connection that was cut while nobody sent anything is opened again, once."""
        kept, self._connection = self._connection, self._connection or _postgres(self._address)
        by = Driver(self._connection, self._hole)
        try:
            by.run("BEGIN")
        except self._driver.OperationalError:
            if kept is None:
                raise
            self.close()
            return self._in_postgres()
        by.run(_ALONE, (TAKING,))
        return by


def _sqlite(path: str) -> Any:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    prepare(connection)
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _postgres(address: str) -> Any:
    import psycopg

    return psycopg.connect(
        address, autocommit=True, connect_timeout=_AWAY_SECONDS, tcp_user_timeout=_AWAY_SECONDS * 1000
    )
