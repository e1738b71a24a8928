"""Opens the database, brings it up to date, and hands out transactions.

Hard case: SQLite's deferred transactions. One that reads and then writes can fail half-way when another has written in
between, so every write begins IMMEDIATE, and one lock in the process keeps writers from spinning. Rule: a write
transaction is short and never waits for a call that leaves the process.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random

from bot.core.errors import Crossed, Permanent, Temporary

BUSY_SECONDS = 10
_MIGRATING, _ALONE, _TAKING = 7_406_091, 7_406_092, 7_406_093  # PostgreSQL's advisory locks are named by numbers
_FULL = ("disk is full", "no space left", "disk i/o error", "could not extend file")


class Store:
    """The bot's memory. `url` is a SQLAlchemy URL; SQLite for one process, PostgreSQL for several."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_size=10, pool_pre_ping=True)
        self._kept: Connection | None = None
        self._one_writer: AbstractContextManager[Any] = threading.RLock() if self.is_sqlite else nullcontext()

    def migrate(self) -> None:
        """Brings the schema up to date; safe when several processes start at once."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        # one transaction around all of it, the question which revisions are missing included: else Alembic opens one for
        # each of them, and between two of them another process finds the rest missing as well
        with self._transaction(_MIGRATING) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def write(self, *, alone: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that may change things; committed when the block ends well. `alone` keeps out every other that is
        alone, in all processes: for what changes many rows, whose locks would else be taken crosswise."""
        return self._transaction(_ALONE if alone else None)

    def taking(self) -> AbstractContextManager[Connection]:
        """A transaction that stores signals. In all processes one comes after the other, so that the order of their ids is
        the order of their commits."""
        return self._kept_transaction() if self.is_sqlite else self._transaction(_TAKING)

    def observing(self) -> AbstractContextManager[Connection]:
        """A transaction, alone, that can be done again: it is whole or not there after a loss of power, but may not be
        there although it was committed. It spares the disk, and waits for it with the next one that does."""
        return self._transaction(_ALONE, relaxed=True)

    @contextmanager
    def _transaction(self, lock: int | None, *, relaxed: bool = False) -> Iterator[Connection]:
        with self._translated(), self._one_writer, self._engine.connect() as connection:
            if relaxed and self.is_sqlite:
                connection = connection.execution_options(relaxed=True)  # noqa: PLW2901 - the same, with its option
            with connection.begin():
                if relaxed and not self.is_sqlite:
                    connection.execute(text("set local synchronous_commit = off"))
                if lock is not None and not self.is_sqlite:
                    connection.execute(text("select pg_advisory_xact_lock(:one)"), {"one": lock})
                yield connection

    @contextmanager
    def _kept_transaction(self) -> Iterator[Connection]:
        """On a connection that stays open: to fetch one costs more than to store a signal. One that failed is not kept."""
        with self._translated(), self._one_writer:
            connection, self._kept = self._kept or self._engine.connect(), None
            try:
                with connection.begin():
                    yield connection
            except BaseException:
                connection.close()
                raise
            self._kept = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A look at the last committed state; never waits for a writer."""
        with self._translated(), self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    def ping(self) -> None:
        """Raises Temporary or Permanent when the store cannot be read."""
        with self.read() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        with self._one_writer:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise _unable(error.orig) from error
        except (sqlite3.OperationalError, psycopg.OperationalError) as error:  # of what was asked of the driver itself
            raise _unable(error) from error
        except IntegrityError as error:
            if "unique" not in str(error.orig).lower():
                raise Permanent(f"the store refused: {error.orig}", "store") from error
            # our own keys are unique by meaning, so somebody else was first; asked again, theirs is found
            raise Crossed(f"the store was changed at the same moment: {error.orig}", retry_after=1) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Temporary(f"the store's connection broke: {error.orig}") from error
            raise Permanent(f"the store refused: {error.orig}", "store") from error
        except NoFreeConnection as error:
            raise Temporary("the store has no free connection", retry_after=2) from error
        except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
            raise Permanent(f"the store refused: {error}", "store") from error


def _unable(error: BaseException | None) -> Temporary:
    said = str(error).strip()
    full = any(word in said.lower() for word in _FULL)
    return Temporary(f"the store cannot write: {said}" if full else f"the store does not answer: {said}")


@retry(
    retry=retry_if_exception_type(sqlite3.OperationalError),
    wait=wait_random(0.01, 0.05),
    stop=stop_after_delay(BUSY_SECONDS),
    reraise=True,
)
def _to_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait here: a new file that two processes open at once is "locked" for the second of them."""
    connection.execute("PRAGMA journal_mode=WAL")


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        _to_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options, driver = connection.get_execution_options(), cast("Any", connection.connection.driver_connection)
        if not options.get("reading"):
            synchronous = "NORMAL" if options.get("relaxed") else "FULL"
            if connection.info.get("synchronous") != synchronous:
                driver.execute(f"PRAGMA synchronous={synchronous}")
                connection.info["synchronous"] = synchronous
        driver.execute("BEGIN" if options.get("reading") else "BEGIN IMMEDIATE")

    return engine
