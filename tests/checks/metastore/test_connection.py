"""A question leaves nothing behind in its session, holds no more than we want to hold, and a role that may write is named."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from bot.checks.metastore import connection as module
from bot.checks.metastore.connection import Metastore
from bot.core.errors import Permanent, Temporary


def test_a_lock_that_a_question_takes_ends_with_it(database: str) -> None:
    one, other = Metastore(database), Metastore(database)
    one.rows("select pg_advisory_lock(4711)")
    one.rows("select set_config('work_mem', '1MB', false)")
    assert other.rows("select count(*) as held from pg_locks where locktype = 'advisory'") == [{"held": 0}]
    assert one.rows("select current_setting('work_mem') as kept") != [{"kept": "1MB"}]
    one.close()
    other.close()


def test_an_answer_that_is_too_large_is_not_held(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Metastore(database)
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)
    with pytest.raises(Permanent, match="too large"):
        store.rows("select repeat('x', 1000) as x from generate_series(1, 200)")
    monkeypatch.setattr(module, "MOST_ROWS", 10)
    with pytest.raises(Permanent, match="too large"):
        store.rows("select 1 as x from generate_series(1, 11)")
    assert len(store.rows("select 1 as x from generate_series(1, 10)")) == 10
    store.close()


HELD = """
import resource, sys
from bot.checks.metastore.connection import Metastore
from bot.core.errors import Permanent
store = Metastore(sys.argv[1])
store.rows("select 1 as x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    store.rows_in_pieces("select repeat('x', 1000000) as x from generate_series(1, 400)")
except Permanent as error:
    print(error.code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_answer_does_not_arrive_whole(database: str) -> None:
    """It is 400 MB; what is held of it, in MiB, is some pieces."""
    done = subprocess.run([sys.executable, "-c", HELD, database], text=True, capture_output=True, check=False)
    code, held = done.stdout.split()
    assert code == "too-large", done.stderr
    assert int(held) < 200


def test_an_answer_that_comes_slowly_ends(database: str) -> None:
    store = Metastore(database, seconds=0.2)
    with pytest.raises(Temporary, match="too long"):
        store.rows_in_pieces("select pg_sleep(0.01) from generate_series(1, 1000)")
    store.close()


@pytest.mark.parametrize("huge", ["randomblob(900000000)", "printf('%900000000d', 1)", "zeroblob(900000000)"])
def test_one_step_of_sqlites_makes_no_gigabyte(tmp_path: Path, huge: str) -> None:
    sqlite3.connect(tmp_path / "airflow.db").close()
    store = Metastore(f"sqlite:///{tmp_path / 'airflow.db'}")
    try:
        made = store.rows(f"select length({huge}) as x")[0]["x"] or 0
    except (Permanent, Temporary):
        made = 0
    store.close()
    assert made <= module.MOST_BYTES


def test_a_role_that_may_do_more_than_read_is_named(database: str) -> None:
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("create table task_instance (id int)")
        owner.execute(f"create role {role} login")
        owner.execute(f"grant select on task_instance to {role}")
        reader = database.replace("//windsock@", f"//{role}@")
        assert power(database) == "is a superuser"
        assert power(reader) == ""
        owner.execute(f"grant update on task_instance to {role}")
        assert power(reader) == "may write to task_instance"
        owner.execute(f"drop owned by {role}")
        owner.execute(f"drop role {role}")


def power(url: str) -> str:
    store = Metastore(url)
    try:
        return store.power()
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["oracle", "mysql", "mariadb", "mysql+pymysql"])
def test_another_kind_of_database_is_refused_by_name(kind: str) -> None:
    with pytest.raises(
        Permanent, match=f"{kind.split('+', maxsplit=1)[0]} is not supported; it can be PostgreSQL or SQLite"
    ):
        Metastore(f"{kind}://x@y/z")
