"""The inbox: what a sender waits for, and nobody else's work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from bot.core.errors import Permanent, Temporary
from bot.store import memory, signals
from bot.store.inbox import Inbox
from bot.store.store import Store
from bot.store.tables import TAKEN, identities
from tests.given import NOW, at_once, failure, told


@pytest.fixture
def inbox(store: Store) -> Iterator[Inbox]:
    """Of the same store, as another process opens it."""
    opened = Inbox(store.inbox)
    yield opened
    opened.close()


def test_what_it_takes_is_what_the_store_reads(store: Store, inbox: Inbox) -> None:
    one, two = told(map_index=1), told(map_index=2)
    assert inbox.take([signals.letter(one), signals.letter(two), signals.letter(one)]) == ([True, True, False], 2)
    with store.read() as t:
        assert [stored.body["map_index"] for stored in signals.after(t, 0, 10)] == [1, 2]
        assert signals.newest(t) == 2
    with store.taking() as t:
        assert signals.take(t, [signals.letter(two), signals.letter(failure(task_id="other"))], NOW) == [False, True]
    assert inbox.take([signals.letter(failure(task_id="other"))]) == ([False], 3)


def test_both_doors_at_once_lose_nothing_and_count_nothing_twice(store: Store) -> None:
    def one_by_one(first: int) -> int:
        mine = Inbox(store.inbox)
        news = sum(mine.take([signals.letter(told(map_index=first + n))])[0][0] for n in range(40))
        mine.close()
        return news

    def by_the_store() -> int:
        news = 0
        for n in range(40):
            with store.taking() as t:
                news += sum(signals.take(t, [signals.letter(told(map_index=n))], NOW))
        return news

    assert sum(at_once(lambda: one_by_one(0), lambda: one_by_one(20), by_the_store)) == 60
    with store.read() as t:
        assert [one.id for one in signals.after(t, 0, 100)] == list(range(1, 61))


def test_while_the_store_writes_a_sender_does_not_wait(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    store.migrate()
    inbox = Inbox(store.inbox)
    with store.write() as t:
        memory.keep(t, "a", {"x": 1})
        assert inbox.take([signals.letter(told())]) == ([True], 1)
    inbox.close()
    store.close()


def test_a_batch_that_fails_is_not_taken_and_the_next_one_is(store: Store, inbox: Inbox) -> None:
    inbox.take([signals.letter(told())])
    bad = signals.Letter("x" * 32, (), "task_failed", "prod", None)  # type: ignore[arg-type]
    with pytest.raises(Permanent, match="the store refused"):
        inbox.take([signals.letter(told(map_index=7)), bad])
    assert inbox.take([signals.letter(told(map_index=7))])[0] == [True]


def test_a_full_disk_is_said_and_room_is_found_again(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    store.migrate()
    inbox = Inbox(store.inbox)
    inbox.take([signals.letter(told())])
    (pages,) = inbox._connection.execute("pragma page_count").fetchone()
    inbox._connection.execute(f"pragma max_page_count={pages}")
    many = [signals.letter(told(map_index=n)) for n in range(100)]
    with pytest.raises(Temporary, match="cannot write: database or disk is full"):
        inbox.take(many)
    assert sum(inbox.take(many)[0]) == 100  # on a connection of its own, that knows no such limit
    inbox.close()
    store.close()


def test_a_store_that_is_away_is_said_as_such(tmp_path: Path) -> None:
    for address in ("postgresql://nobody@127.0.0.1:1/none", str(tmp_path / "no such folder" / "s.db")):
        with pytest.raises(Temporary, match="the store does not answer"):
            Inbox(address).take([signals.letter(told())])


def test_signals_of_a_store_without_an_inbox_are_taken_along(tmp_path: Path) -> None:
    """As they were before signals had a file of their own."""
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    with sqlite3.connect(tmp_path / "s.db") as old:
        old.execute("create table alembic_version (version_num varchar(32) primary key)")
        old.execute("insert into alembic_version values ('0002')")
        old.execute("create table signals (id integer primary key, received_at, kind, deployment, body, again)")
        old.execute("create table identities (identity text primary key, told_at, bare)")
        old.executemany("insert into signals values (?, ?, 'task_failed', 'prod', '{}', 0)", [(7, 70), (9, 90)])
        old.execute("insert into identities values ('x', 70, 0)")
    store.migrate()
    with store.read() as t:
        assert [(one.id, one.again) for one in signals.after(t, 0, 10)] == [(7, False), (9, False)]
        assert signals.newest(t) == 9
        assert list(t.execute(select(identities.c.identity, identities.c.bare))) == [("x", False)]
        assert not set(inspect(t).get_table_names(schema="main")) & {table.name for table in TAKEN}
    store.close()


def test_a_store_only_reads_the_inbox_except_when_it_takes(tmp_path: Path) -> None:
    """A sender would wait for whatever else is written."""
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    store.migrate()
    with store.write(), store.taking() as t:
        assert signals.take(t, [signals.letter(told())], NOW) == [True]
    with store.taking(), store.write() as t:
        memory.keep(t, "a", {"x": 1})
    with pytest.raises(Temporary, match="readonly"), store.write() as t:
        signals.take(t, [signals.letter(told(map_index=9))], NOW)
    store.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_that_would_be_lost_with_the_bot_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="WINDSOCK_STORE__URL: names no file"):
        Store(url)


def test_a_connection_that_was_cut_meanwhile_costs_nobody_a_refusal(database: str) -> None:
    """As a restart, a fail-over or a firewall does."""
    store = Store(database)
    store.migrate()
    inbox = Inbox(store.inbox)
    inbox.take([signals.letter(told(map_index=1))])
    with store.write() as t:
        (pid,) = t.execute(text("select pid from pg_stat_activity where pid = :pid and datname = current_database()"),
                           {"pid": inbox._connection.info.backend_pid}).one()  # fmt: skip
        assert t.scalar(text("select pg_terminate_backend(:pid, 20000)"), {"pid": pid})
    assert inbox.take([signals.letter(told(map_index=2))]) == ([True], 2)
    inbox.close()
    store.close()
