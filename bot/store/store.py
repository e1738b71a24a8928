"""Opens the database, brings it up to date, and hands out transactions.

Hard case: SQLite's deferred transactions. One that reads and then writes can fail half-way when another has written in
between, so every write begins IMMEDIATE, and one lock in the process keeps writers from spinning. Signals are taken into a
file of their own (`inbox`), which every other transaction only reads. Rule: a write transaction is short and never waits
for a call that leaves the process.
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

from bot.core.errors import Crossed, Permanent, Temporary
from bot.store.inbox import BUSY_SECONDS, TAKING, beside, prepare
from bot.store.tables import TAKEN, metadata
from bot.store.trouble import unable

_MIGRATING, _ALONE = 7_406_091, 7_406_092  # PostgreSQL's advisory locks are named by numbers


class Store:
    """The bot's memory. `url` is a SQLAlchemy URL; SQLite for one process, PostgreSQL for several."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite and make_url(url).database in {None, "", ":memory:"}:
            raise ValueError("WINDSOCK_STORE__URL: names no file; what is kept in memory is lost with the bot")
        self._engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_size=10, pool_pre_ping=True)
        self._inbox = _inbox(url) if self.is_sqlite else self._engine
        self._kept: Connection | None = None
        self._one_writer = _lock(self.is_sqlite)
        self._one_taker = _lock(self.is_sqlite)

    @property
    def inbox(self) -> str:
        """The address of the inbox, for whoever takes signals in another process."""
        parts = make_url(self.url)
        if self.is_sqlite:
            return beside(str(parts.database))
        return parts.set(drivername="postgresql").render_as_string(hide_password=False)

    def migrate(self) -> None:
        """Brings the schema up to date; safe when several processes start at once."""
        if self.is_sqlite:
            with self.taking() as t:
                metadata.create_all(t, tables=TAKEN)
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
        the order of their commits. What is not in the inbox is not in reach."""
        return self._kept_transaction() if self.is_sqlite else self._transaction(TAKING)

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
        with self._translated(), self._one_taker:
            connection, self._kept = self._kept or self._inbox.connect(), None
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
        with self._one_taker:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        self._engine.dispose()
        self._inbox.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise unable(error.orig) from error
        except (sqlite3.OperationalError, psycopg.OperationalError) as error:  # of what was asked of the driver itself
            raise unable(error) from error
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


def _lock(needed: bool) -> AbstractContextManager[Any]:
    return threading.RLock() if needed else nullcontext()


def _sqlite(url: str) -> Engine:
    """The store's file, beside which the inbox is read."""
    engine = _opened(url)
    inbox = beside(str(make_url(url).database))

    @event.listens_for(engine, "connect")
    def _attach(connection: Any, _: Any) -> None:
        # only to be read: a transaction that writes would begin one there, too, and a sender would wait for it
        connection.execute("ATTACH ? AS inbox", (f"{Path(inbox).absolute().as_uri()}?mode=ro",))

    return engine


def _inbox(url: str) -> Engine:
    return _opened(f"sqlite:///{beside(str(make_url(url).database))}")


def _opened(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "uri": True})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        prepare(connection)

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
