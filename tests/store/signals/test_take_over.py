"""A store of version 0.1 with its signals in a file beside it: they are in the store afterwards, whenever it is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.errors import Permanent
from bot.core.incidents.alert import Kind, Place
from bot.responder.services import Services
from bot.responder.signals.observe import observe
from bot.store import alerts, incidents
from bot.store.database import Store
from bot.store.signals import signal_rows, signals
from tests.given import EVERYBODY_OPERATES, Clock, failure

# Made by the code of that version: seven signals observed, five not yet.
OLD = Path(__file__).parents[1] / "version_0_1"
OBSERVED, STORED = 7, 12
# Kills itself at the n-th line of the take-over, or of SQLAlchemy's commit that it waits for.
KILLED = """
import os, signal, sys
path, wanted, seen = sys.argv[1], int(sys.argv[2]), 0
def trace(frame, event, _):
    global seen
    if not frame.f_code.co_filename.endswith("take_over.py"):
        return None
    seen += 1
    if seen == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    return trace
from bot.store.database import Store
store = Store(f"sqlite:///{path}")
sys.settrace(trace)
store.migrate()
sys.settrace(None)
print(seen)
"""


def old_store(folder: Path) -> Path:
    for script in OLD.iterdir():
        with closing(sqlite3.connect(folder / script.stem)) as made:
            made.executescript(script.read_text())
    return folder / "windsock.db"


def run(path: Path, line: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(line)], capture_output=True, text=True, timeout=60, check=False
    )


def opened(path: Path) -> Services:
    store = Store(f"sqlite:///{path}")
    store.migrate()
    return Services(store=store, clock=Clock(), access=EVERYBODY_OPERATES)


def assert_nothing_was_lost(path: Path) -> None:
    services = opened(path)
    with services.store.read() as t:
        stored = signals.after(t, 0, 100)
        assert [one.id for one in stored] == list(range(1, STORED + 1))
        assert signals.observed(t) == OBSERVED
        assert [one.body["kind"] for one in stored][-5:] == ["task_failed"] * 3 + ["task_succeeded", "import_error"]
    while observe(services, 100):
        pass
    with services.store.write() as t:
        assert signals.take(t, [signal_rows.row_of(failure(map_index=n)) for n in (5, 99)], services.clock()) == [
            False,
            True,
        ]
        known = {one.name: incidents.counts(t, one.id, services.clock()) for one in incidents.listed(t)}
    assert {name: (one.failures, one.sick) for name, one in known.items()}["A-1"] == (7, 6)
    assert [one.name for one in path.parent.iterdir() if ".signals" in one.name] == []
    services.store.close()


def test_signals_of_an_older_version_are_taken_over(tmp_path: Path) -> None:
    assert_nothing_was_lost(old_store(tmp_path))


def test_it_may_be_killed_at_any_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    lines = int(run(old_store(whole), 0).stdout)
    assert lines > 40
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = old_store(folder)
        done = run(path, 1 + number * (lines - 1) // 11)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert_nothing_was_lost(path)


def test_what_the_older_version_took_after_a_kill_is_taken_over_as_well(tmp_path: Path) -> None:
    """Killed between the commit and the old file's end; then the older version ran once more."""
    path = old_store(tmp_path)
    beside = Path(f"{path}.signals")
    kept = beside.read_bytes()
    opened(path).store.close()
    beside.write_bytes(kept)
    with closing(sqlite3.connect(beside)) as old, old:
        old.execute(
            "insert into signals select 13, received_at, kind, deployment, body, again from signals where id = 7"
        )
        old.execute("insert into identities values ('another', 1, 0)")
    services = opened(path)
    with services.store.read() as t:
        assert [one.id for one in signals.after(t, 0, 100)] == list(range(1, STORED + 2))
    assert not beside.exists()
    services.store.close()


def test_a_process_that_still_writes_the_old_file_is_refused_and_loses_nothing(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    with closing(sqlite3.connect(f"{path}.signals")) as older:
        opened(path).store.close()
        with pytest.raises(sqlite3.OperationalError):
            older.execute(
                "insert into signals (received_at, kind, deployment, body, again) values (1, 'x', 'x', '{}', 0)"
            )


def test_an_old_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    Path(f"{path}.signals").write_bytes(b"not a database" * 1_000)
    with (
        closing(Store(f"sqlite:///{path}")) as store,
        pytest.raises(Permanent, match=r"windsock\.db\.signals holds signals of an older version and cannot be read"),
    ):
        store.migrate()
    assert Path(f"{path}.signals").exists()


def test_a_store_from_before_signals_had_a_file_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript("""
            create table alembic_version (version_num varchar(32) primary key);
            insert into alembic_version values ('0002');
            create table signals (id integer primary key, received_at, kind, deployment, body, again);
            create table identities (identity text primary key, told_at, bare);
            create table memory (key text primary key, value);
            create table silences (id integer primary key);
            create table alerts (id integer primary key);
            insert into signals values (7, 70, 'task_failed', 'prod', '{}', 0), (9, 90, 'task_failed', 'prod', '{}', 0);
        """)
    store = Store(f"sqlite:///{path}")
    store.migrate()
    with store.read() as t:
        assert [one.id for one in signals.after(t, 0, 10)] == [7, 9]
    store.close()


def test_a_new_store_has_one_file(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        store = Store(f"sqlite:///{tmp_path / 's.db'}")
        store.hold()
        store.migrate()
        with store.write(), store.read():
            files = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    assert files == dict.fromkeys(("s.db", "s.db-wal", "s.db-shm", "s.db.lock"), 0o600)
    store.close()


def test_a_store_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    path.chmod(0o644)
    opened(path).store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_page_that_an_older_version_sent_stays_the_same_page(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    with closing(sqlite3.connect(path)) as made:
        made.execute("update alerts set kind = 'pagerduty', target = '', ref = 'key', said = 'trigger' where id = 2")
        made.commit()
    services = opened(path)
    with services.store.read() as t:
        (page,) = alerts.of_incident(t, 2)
        assert alerts.by_ref(t, "", "key") == 2
    assert (page.place, str(page.place), page.said) == (Place(Kind.pager, "pagerduty"), "pagerduty", "trigger")
    services.store.close()
