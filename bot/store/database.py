"""Opens the database, migrates it, and hands out transactions.

A write transaction is short and never waits for a call that leaves the process.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed, wait_random

from bot.core.errors import Crossed, Permanent, Temporary
from bot.store.driver.errors import unable
from bot.store.signals.take_over import take_over

BUSY_SECONDS = 10
_MIGRATING, _ALONE, _TAKING = 7_406_091, 7_406_092, 7_406_093  # keys of PostgreSQL's advisory locks
_TAKING_SECONDS = 5  # senders wait for these transactions; a 503 is better than a longer wait
_HOLD_SECONDS = 3  # a process that is stopping releases the file within that time


class Store:
    """The bot's database. `url` is a SQLAlchemy URL; SQLite for one process, PostgreSQL for several."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite and make_url(url).database in {None, "", ":memory:"}:
            raise ValueError("WINDSOCK_STORE__URL: names no file; what is kept in memory is lost with the bot")
        self._engine = _sqlite(url) if self.is_sqlite else create_engine(url, pool_size=10, pool_pre_ping=True)
        # SQLite makes writers poll for the file; with a lock those of this process queue instead
        self._one_writer: AbstractContextManager[Any] = threading.RLock() if self.is_sqlite else nullcontext()
        self._held: int | None = None

    @property
    def path(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        return Path(str(make_url(self.url).database)) if self.is_sqlite else None

    def hold(self) -> None:
        """Locks the SQLite file against other bots until `close`. Raises ValueError if another bot has it: each would
        end the other's claims and send its messages again. The lock is on a file of its own, because closing any
        descriptor of the database would drop SQLite's own locks."""
        if self.path is None or self._held is not None:
            return
        try:
            self._held = _locked(f"{self.path}.lock")
        except BlockingIOError:
            raise ValueError(
                f"WINDSOCK_STORE__URL: another bot is running on {self.path}; stop it, or use PostgreSQL for replicas"
            ) from None
        except OSError as error:
            raise ValueError(f"WINDSOCK_STORE__URL: {self.path} cannot be used: {error.strerror}") from None

    def migrate(self) -> None:
        """Migrates the schema to the latest revision; safe when several processes start at once."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        # One transaction for everything, including the query for missing revisions. Otherwise Alembic opens one per
        # revision, and another process can find the rest missing in between.
        with self._transaction(_MIGRATING) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if self.path is not None:
            take_over(self.write, self.path)

    def write(self, *, alone: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that may write; committed if the block succeeds. `alone` excludes every other transaction
        opened with `alone`, in all processes: for changes of many rows, which could deadlock otherwise."""
        return self._transaction(_ALONE if alone else None)

    @contextmanager
    def taking(self) -> Iterator[Connection]:
        """A transaction that stores signals. They are serialised in all processes, so that the order of their ids is
        the order of their commits."""
        with self._transaction(None) as t:
            if not self.is_sqlite:
                # limits for this transaction only; as connection options, a pooler in between would refuse them
                bound = (
                    f"set local lock_timeout = '{_TAKING_SECONDS}s'; set local statement_timeout = '{_TAKING_SECONDS}s'"
                )
                t.exec_driver_sql(f"{bound}; select pg_advisory_xact_lock({_TAKING})")
            yield t

    def observing(self) -> AbstractContextManager[Connection]:
        """A serialised transaction that can be repeated: after a power failure it is complete or missing, and may be
        missing although it was committed. It saves a disk sync, and is synced with the next transaction that does
        one."""
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
    def read(self) -> Iterator[Connection]:
        """A transaction that reads the last committed state; it never waits for a writer."""
        with self._translated(), self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    def ping(self) -> None:
        """Raises Temporary or Permanent if the store can't be read."""
        with self.read() as connection:
            connection.execute(text("select 1"))

    def probe(self) -> None:
        """Raises Temporary or Permanent if the store can't be written, for example on a full disk."""
        with self.write() as connection:
            probe = {"key": "store/probe", "value": "{}"}
            connection.execute(text("delete from memory where key = :key"), probe)
            connection.execute(text("insert into memory (key, value) values (:key, :value)"), probe)

    def close(self) -> None:
        self._engine.dispose()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise unable(error.orig) from error
        except (sqlite3.OperationalError, psycopg.OperationalError) as error:  # from calls made on the driver directly
            raise unable(error) from error
        except IntegrityError as error:
            if "unique" not in str(error.orig).lower():
                raise Permanent(f"the store refused: {error.orig}", "store") from error
            # a conflict on one of our keys means that another writer was first; the retry finds its row
            raise Crossed(f"the store was changed at the same moment: {error.orig}", retry_after=1) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Temporary(f"the store's connection broke: {error.orig}") from error
            raise Permanent(f"the store refused: {error.orig}", "store") from error
        except NoFreeConnection as error:
            raise Temporary("the store has no free connection", retry_after=2) from error
        except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
            raise Permanent(f"the store refused: {error}", "store") from error


@retry(retry=retry_if_exception_type(BlockingIOError), wait=wait_fixed(0.05), stop=stop_after_delay(_HOLD_SECONDS),
       reraise=True)  # fmt: skip
def _locked(path: str) -> int:
    """A descriptor that holds the lock. Raises BlockingIOError if another process holds it."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(number)
        raise
    return number


def _sqlite(url: str) -> Engine:
    path = str(make_url(url).database)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "uri": True})

    @event.listens_for(engine, "do_connect")
    def _before(*_: Any) -> None:
        keep_private(path)

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


def keep_private(path: str) -> None:
    """Makes the store's files accessible to their owner only, whatever the umask. An existing file isn't opened,
    because closing it would drop the locks that SQLite has on it in this process."""
    with suppress(OSError):  # it can't be created here, or belongs to another user: SQLite reports that itself
        if not os.path.exists(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        for name in (path, f"{path}-wal", f"{path}-shm"):
            if os.path.exists(name) and os.stat(name).st_mode & 0o077:
                os.chmod(name, 0o600)


def prepare(connection: sqlite3.Connection) -> None:
    """Sets up a new SQLite connection."""
    connection.isolation_level = None  # BEGIN is issued explicitly
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys=ON")
    _to_wal(connection)


@retry(retry=retry_if_exception_type(sqlite3.OperationalError), wait=wait_random(0.01, 0.05),
       stop=stop_after_delay(BUSY_SECONDS), reraise=True)  # fmt: skip
def _to_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL, with retries: SQLite doesn't wait here, and a new file that two processes open at once is
    "locked" for the second."""
    connection.execute("PRAGMA journal_mode=WAL")
