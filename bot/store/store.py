"""Opens the database, brings it up to date, and hands out transactions.

Hard case: SQLite's deferred transactions. One that reads and then writes can fail half-way when another has written in
between, so every write begins IMMEDIATE, and one lock in the process keeps writers from spinning. Rule: a write
transaction is short and never waits for a call that leaves the process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from bot.core.errors import Permanent, Temporary

BUSY_SECONDS = 10
_MIGRATING, _ALONE = 7_406_091, 7_406_092  # PostgreSQL's advisory locks are named by numbers
_FULL = ("disk is full", "no space left", "disk i/o error", "could not extend file")


class Store:
    """The bot's memory. `url` is a SQLAlchemy URL; SQLite for one process, PostgreSQL for several."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_size=10, pool_pre_ping=True)
        self._one_writer: AbstractContextManager[Any] = threading.RLock() if self.is_sqlite else nullcontext()

    def migrate(self) -> None:
        """Brings the schema up to date; safe when several processes start at once."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self._translated(), self._one_writer, self._engine.connect() as connection:
            if not self.is_sqlite:
                # ends with the transaction: a lock of the session would live on in the pool
                connection.execute(text("select pg_advisory_xact_lock(:one)"), {"one": _MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """A transaction that may change things; committed when the block ends well. `alone` keeps out every other that is
        alone, in all processes: for what changes many rows, whose locks would else be taken crosswise."""
        with self._translated(), self._one_writer, self._engine.begin() as connection:
            if alone and not self.is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:one)"), {"one": _ALONE})
            yield connection

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
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            said = str(error.orig).strip()
            full = any(word in said.lower() for word in _FULL)
            raise Temporary(
                f"the store cannot write: {said}" if full else f"the store does not answer: {said}"
            ) from error
        except IntegrityError as error:
            if "unique" not in str(error.orig).lower():
                raise Permanent(f"the store refused: {error.orig}", "store") from error
            # our own keys are unique by meaning, so somebody else was first; asked again, theirs is found
            raise Temporary(f"the store was changed at the same moment: {error.orig}", retry_after=1) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Temporary(f"the store's connection broke: {error.orig}") from error
            raise Permanent(f"the store refused: {error.orig}", "store") from error
        except NoFreeConnection as error:
            raise Temporary("the store has no free connection", retry_after=2) from error
        except SQLAlchemyError as error:
            raise Permanent(f"the store refused: {error}", "store") from error


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
