"""The embedded PostgreSQL: real, ours alone, and gone when it is over."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bot.sandbox import postgres
from bot.sandbox.processes.children import wait_for
from bot.sandbox.processes.reaper import session


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's user can walk to, unlike tmp_path when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="windsock-test-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - that is the point
        yield Path(folder)


def test_it_serves_and_leaves_nothing() -> None:
    with postgres.running() as server:
        folder, leader = server.child.log.parent, server.child.pid
        with psycopg.connect(server.dsn()) as connection:
            assert connection.execute("SELECT 1 + 1").fetchone() == (2,)
    assert session(leader) == []
    assert not folder.exists()


def test_what_was_stored_is_there_the_next_time(home: Path) -> None:
    for expected in ([], [(7,)]):
        with postgres.running(home / "pg") as server, psycopg.connect(server.dsn()) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            assert connection.execute("SELECT n FROM kept").fetchall() == expected
            connection.execute("INSERT INTO kept VALUES (7)")


def test_creating_a_database_twice_is_no_error(postgres: postgres.Postgres) -> None:
    assert postgres.create_database("twice") == postgres.create_database("twice") == postgres.url("twice")
    assert postgres.has_database("twice")
    with psycopg.connect(postgres.dsn("twice")):
        postgres.drop_database("twice")  # also with somebody connected
    assert not postgres.has_database("twice")


def test_only_this_machine_can_reach_it(postgres: postgres.Postgres) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("127.0.0.1",)


def test_it_never_runs_as_root(postgres: postgres.Postgres) -> None:
    owner = Path(f"/proc/{postgres.child.pid}").stat().st_uid
    assert owner == (os.geteuid() or 65534)


def test_a_killed_server_does_not_block_the_next(home: Path) -> None:
    with postgres.running(home / "pg") as server:
        leader = server.child.pid
        server.child.kill()
        assert wait_for(lambda: not session(leader), 20), session(leader)
        pid_file = server.child.log.parent / "data" / "postmaster.pid"
        assert pid_file.exists(), "a killed server leaves its pid file: that is what this test is about"
        with postgres.running(home / "pg") as again, psycopg.connect(again.dsn()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_start_that_fails_shows_the_servers_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres.SWITCHES, "max_connections", "many")
    with pytest.raises(RuntimeError, match="max_connections"), postgres.running(home / "pg"):
        pass


def test_a_private_home_stays_private(home: Path) -> None:
    """When the server's user cannot walk to the folder, it lives elsewhere, and no permission is widened."""
    home.chmod(0o700)
    with postgres.running(home / "pg") as server, psycopg.connect(server.dsn()) as connection:
        folder = server.child.log.parent
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert home.stat().st_mode & 0o777 == 0o700
    assert (folder == home / "pg") == (os.geteuid() != 0)
    shutil.rmtree(folder)
