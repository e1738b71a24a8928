"""Moves the signals that an older version kept in a file of their own (`windsock.db.signals`) into the store, once.

The process may be killed at any moment. The rows and the mark up to which they were moved are one transaction, and the
old file is deleted only after its commit; if it still exists at the next start, the rows after the mark are moved as
well. Meanwhile the old file is locked, and its tables are dropped before it is deleted, so a process of the older
version that still has it open answers its senders 503 instead of accepting a signal that would be lost.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot.core.errors import Permanent
from bot.core.signals.wire import as_json, parse
from bot.store.driver.encoding import EPOCH
from bot.store.driver.rows import Driver, driver, holes

logger = logging.getLogger(__name__)
_MARK = "signals/taken-over"  # the last moved id of the old file
_COLUMNS = {
    "signals": ("id", "received_at", "kind", "deployment", "body", "again"),
    "identities": ("identity", "told_at", "bare"),
}
_ROWS = 500  # rows per statement; SQLite allows 32,766 values


def take_over(write: Callable[[], AbstractContextManager[Connection]], store: Path) -> None:
    """Moves the rows of the file beside the store into the store. Raises Permanent if that file can't be read."""
    beside = Path(f"{store}.signals")
    if not beside.exists():
        return
    try:
        with closing(sqlite3.connect(beside, isolation_level=None, timeout=10)) as old:
            old.execute("BEGIN EXCLUSIVE")
            if old.execute("select 1 from sqlite_master where name = 'signals'").fetchone():
                with write() as t:
                    moved = _move(old, driver(t))
                logger.info("%d signals of %s are in %s now", moved, beside.name, store.name)
            for table in _COLUMNS:
                old.execute(f"drop table if exists {table}")
            old.execute("COMMIT")
    except sqlite3.Error as error:
        raise Permanent(f"{beside} holds signals of an older version and cannot be read: {error}", "store") from error
    for name in (
        f"{beside}-wal",
        f"{beside}-shm",
        str(beside),
    ):  # the file itself last, because the move depends on it
        Path(name).unlink(missing_ok=True)


def _move(old: sqlite3.Connection, by: Driver) -> int:
    mark = kept = _number(by, _MARK)
    for some in _old(old, "identities", "order by identity"):
        _insert(by, "insert or ignore", "identities", _COLUMNS["identities"], some)
    moved, observed = 0, _number(by, "signals/observed")
    for some in _old(old, "signals", f"where id > {mark} order by id"):
        safe = [_without_secrets(row) if row[0] > observed else row for row in some]
        # rows were moved before, and the older version continued since: their ids now belong to other signals
        columns = _COLUMNS["signals"][1:] if kept else _COLUMNS["signals"]
        _insert(by, "insert", "signals", columns, [row[1:] if kept else row for row in safe])
        moved, mark = moved + len(some), int(some[-1][0])
    by.run("insert or replace into memory (key, value) values (?, json_object('upto', ?))", (_MARK, mark))
    return moved


def _number(by: Driver, key: str) -> int:
    found = by.run("select json_extract(value, '$.upto') from memory where key = ?", (key,)).fetchone()
    return int(found[0]) if found else 0


def _without_secrets(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Redacts a row's body, because version 0.1 stored input unredacted. Observed signals are deleted by age, as
    usual."""
    place = _COLUMNS["signals"].index("body")
    try:
        body = json.dumps(as_json(parse(json.loads(row[place]), EPOCH + timedelta(days=40_000))), ensure_ascii=False)
    except (ValueError, TypeError):  # an unreadable one is set aside by the observer, as before
        return row
    return (*row[:place], body, *row[place + 1 :])


def _old(old: sqlite3.Connection, table: str, which: str) -> Iterator[list[tuple[Any, ...]]]:
    found = old.execute(f"select {','.join(_COLUMNS[table])} from {table} {which}")
    while some := found.fetchmany(_ROWS):
        yield some


def _insert(by: Driver, how: str, table: str, columns: tuple[str, ...], some: list[tuple[Any, ...]]) -> None:
    row = f"({holes(len(columns))})"
    by.run(f"{how} into {table} ({','.join(columns)}) values {','.join([row] * len(some))}",
           [value for one in some for value in one])  # fmt: skip
