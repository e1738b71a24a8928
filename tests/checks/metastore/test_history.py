"""What a metastore remembers is counted the same on both majors and both databases, and never by reading it whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.checks.metastore.connection import Metastore
from bot.checks.metastore.history import MetastoreHistory
from bot.core.errors import Temporary
from bot.responder.lookups.report_card import card, percentile, slower
from bot.responder.questions import RunSeen, TaskDuration
from tests.checks.histories import DAG, History
from tests.checks.reconcile.test_from_metastore import LARGE

DAY = 86_400.0


@pytest.fixture(params=["sqlite-2", "sqlite-3", "postgresql-2", "postgresql-3"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    kind, _, major = request.param.partition("-")
    url = f"sqlite:///{tmp_path / 'airflow.db'}" if kind == "sqlite" else request.getfixturevalue("database")
    made = History(url, int(major))
    yield made
    made.close()


@pytest.fixture
def history(world: History) -> Iterator[MetastoreHistory]:
    made = MetastoreHistory(Metastore(world.url))
    yield made
    made.close()


def a_week(world: History) -> None:
    """One run an hour for four hours of today, one for each of five days before; `fit` takes 10 s a day ago, 30 s now."""
    for number in range(4):
        world.run("success", number * 3600.0 + 60, f"now{number}")
        world.task("fit", "success", number * 3600.0 + 60, run_id=f"now{number}", duration=30.0 + number, try_number=2)
        world.task("load", "success", number * 3600.0 + 60, run_id=f"now{number}", duration=5.0)
        world.task("odd", "success", number * 3600.0 + 60, run_id=f"now{number}", duration=None)
    for number in range(5):
        world.run("failed" if number == 0 else "success", (number + 1.5) * DAY, f"then{number}")
        world.task("fit", "success", (number + 1.5) * DAY, run_id=f"then{number}", duration=10.0 + number)
        world.task(
            "load", "failed" if number == 0 else "success", (number + 1.5) * DAY, run_id=f"then{number}", duration=5.0
        )
        world.task("odd", "success", (number + 1.5) * DAY, run_id=f"then{number}", duration=None)
    world.run("success", 30 * DAY, "old")
    world.task("fit", "success", 30 * DAY, run_id="old", duration=9_999.0)


def test_what_grew_slow_is_the_same_everywhere(world: History, history: MetastoreHistory) -> None:
    a_week(world)
    found = history.slow(world.moment(8 * DAY), world.moment(DAY))
    assert found == [
        TaskDuration(DAG, "fit", 4, 31.0, 33.0, 5, 12.0, 14.0),
        TaskDuration(DAG, "load", 4, 5.0, 5.0, 4, 5.0, 5.0),
    ]
    assert [one.task_id for one in slower(found)] == ["fit"]


def test_a_report_counts_runs_tasks_and_retries(world: History, history: MetastoreHistory) -> None:
    for number in range(4):
        world.run("failed" if number == 1 else "success", number * DAY + 60, f"r{number}")
        world.do(
            "update dag_run set start_date = :at where run_id = :run",
            at=world.ago(number * DAY + 160),
            run=f"r{number}",
        )
        world.task("fit", "success", number * DAY + 60, run_id=f"r{number}", duration=30.0 + number, try_number=3)
        world.task("load", "failed" if number == 1 else "success", number * DAY + 60, run_id=f"r{number}", duration=5.0)
    world.run("running", None, "r9")
    world.do("update dag_run set start_date = :at where run_id = 'r9'", at=world.ago(5))
    made = card(history, "prod", DAG, 3, world.moment(0))
    assert [(run.run_id, run.state) for run in made.runs] == [
        ("r9", "running"),
        ("r0", "success"),
        ("r1", "failed"),
        ("r2", "success"),
    ]
    assert [run.run_id for run in made.before] == ["r3"]
    assert made.rate == pytest.approx(66.7, abs=0.1)
    assert (made.rate_before, made.p95) == (100.0, 100.0)
    assert [(t.task_id, t.ended, t.failed, t.retries, t.p50, t.p95) for t in made.tasks] == [
        ("fit", 3, 0, 6, 31.0, 32.0), ("load", 3, 1, 0, 5.0, 5.0),
    ]  # fmt: skip
    assert made.retries == 6
    assert [task.task_id for task in made.slowest] == ["fit", "load"]


def test_a_dag_that_never_ran_is_an_empty_report(world: History, history: MetastoreHistory) -> None:
    made = card(history, "prod", "nobody", 7, world.moment(0))
    assert (list(made.runs), made.rate, made.p95, made.retries) == ([], None, None, 0)


@contextmanager
def the_plans(metastore: Metastore) -> Iterator[list[str]]:
    """PostgreSQL's plan of every question that is asked meanwhile."""
    plans: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        if statement.lstrip().startswith(("select", "with")):
            cursor.execute(f"explain {statement}", values)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(metastore._engine, "before_cursor_execute", explain)
    yield plans
    event.remove(metastore._engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("major", [2, 3])
def test_no_large_table_is_read_as_a_whole(database: str, major: int) -> None:
    world, history = History(database, major), MetastoreHistory(Metastore(database, by_index=True))
    world.fill(3000)
    with the_plans(history._metastore) as plans:
        history.slow(world.moment(8 * DAY), world.moment(DAY))
        history.runs("d7", world.moment(7 * DAY))
        history.tasks("d7", world.moment(7 * DAY))
    history.close()
    world.close()
    assert len(plans) == 3
    assert [" on task_instance ti " in plan for plan in plans] == [True, False, True]
    assert "Index Scan using ti_dag_run" in plans[0]  # run by run
    assert [plan for plan in plans if any(f"Seq Scan on {table} " in plan for table in LARGE)] == []


def test_a_question_that_takes_too_long_is_a_sentence(database: str) -> None:
    world, history = History(database, 3), MetastoreHistory(Metastore(database, seconds=0.05))
    world.fill(1000)
    with pytest.raises(Temporary, match="took too long"):
        history._ask("select pg_sleep(5), :most as most", most=1)
    history.close()
    world.close()


def test_a_percentile_is_a_value_that_was() -> None:
    assert [percentile([5.0, 1.0, 3.0, 4.0, 2.0], percent) for percent in (50, 95, 1, 100)] == [3.0, 5.0, 1.0, 5.0]
    assert percentile([], 95) is None


def test_only_what_is_clearly_slower_is_told() -> None:
    assert (
        slower(
            [
                TaskDuration("d", "few", 2, 90, 90, 9, 1, 1),
                TaskDuration("d", "tiny", 9, 3, 3, 9, 1, 1),
                TaskDuration("d", "same", 9, 70, 70, 9, 60, 60),
            ]
        )
        == []
    )
    two = [TaskDuration("d", "some", 3, 60, 60, 3, 30, 30), TaskDuration("d", "most", 3, 600, 600, 3, 60, 60)]
    assert [one.task_id for one in slower(two)] == ["most", "some"]
    assert RunSeen("r", "running").seconds is None
