"""Reconcile must not read a large metastore as a whole: what PostgreSQL plans for the very questions that are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.from_metastore import MetastoreSource
from tests.checks.histories import History

LARGE = ("task_instance", "task_instance_history", "log")


@contextmanager
def the_plans(metastore: Metastore) -> Iterator[list[str]]:
    """PostgreSQL's plan of every select that is asked meanwhile."""
    plans: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        if statement.lstrip().startswith("select") and "now()" not in statement:
            cursor.execute(f"explain {statement}", values)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(metastore._engine, "before_cursor_execute", explain)
    yield plans
    event.remove(metastore._engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("major", [2, 3])
def test_no_large_table_is_read_as_a_whole(database: str, major: int) -> None:
    history, metastore = History(database, major), Metastore(database)
    history.fill(1500)
    for number in range(5):
        history.run(run_id=f"open{number}")
        history.task(f"fit{number}", run_id=f"open{number}")
        history.logged("failed", 30, f"fit{number}", run_id=f"open{number}")
        history.run("failed", 20, run_id=f"ended{number}")
    with the_plans(metastore) as plans:
        found = MetastoreSource(metastore, "prod").look(history.moment(135))
    metastore.close()
    history.close()
    assert len(found.failures) == 10
    assert len(plans) == (6 if major == 2 else 5)
    assert [plan for plan in plans if any(f"Seq Scan on {table} " in plan for table in LARGE)] == []


def test_the_plans_are_seen(database: str) -> None:
    history, metastore = History(database, 3), Metastore(database)
    with the_plans(metastore) as plans:
        metastore.rows("select * from log")
    metastore.close()
    history.close()
    assert "Seq Scan on log" in plans[0]
