"""What each check calls sick and what it calls well, on metastores of both majors and both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.checks.catalog import ALL
from bot.checks.catalog.dag_files import SLOW_DAG_PARSE
from bot.checks.catalog.pools import POOL_STARVATION, SENSOR_DEADLOCK
from bot.checks.catalog.queued import QUEUE_DEPTH, QUEUE_WAIT
from bot.checks.catalog.runs import LOW_SUCCESS_RATE, SCHEDULER_LAG
from bot.checks.catalog.tasks import LONG_RUNNING
from bot.checks.catalog.xcoms import XCOM_BLOAT
from bot.checks.check import Check, Finding
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Sweep
from tests.checks.worlds import Memory, World


def found(metastore: Metastore, check: Check) -> list[Finding]:
    (result,) = Sweep((check,), metastore, "prod", lambda _: None, Memory()).run()
    assert result.error is None
    return list(result.findings)


def said(metastore: Metastore, check: Check) -> list[str]:
    return [finding.sentence for finding in found(metastore, check)]


class TestPools:
    def test_a_full_pool_for_which_something_waits(self, world: World, metastore: Metastore) -> None:
        world.pool("warehouse", 2)
        world.task("a", "running", pool="warehouse")
        world.task("b", "queued", pool="warehouse")
        assert said(metastore, POOL_STARVATION) == [
            "Pool warehouse is full: 2 of 2 slots are taken and 1 task instance waits for it (1 queued, 0 scheduled)."
        ]
        world.task("c", "scheduled", pool="warehouse")
        assert found(metastore, POOL_STARVATION)[0].facts["waiting"] == 2

    @pytest.mark.parametrize("states", [("running", "running"), ("running", "scheduled"), ("scheduled",), ()])
    def test_a_pool_with_room_or_without_anything_that_waits_is_well(
        self, world: World, metastore: Metastore, states: tuple[str, ...]
    ) -> None:
        world.pool("warehouse", 2)
        world.pool("default_pool", -1)
        for number, state in enumerate(states):
            world.task(f"t{number}", state, pool="warehouse")
            world.task(f"d{number}", state)
        assert said(metastore, POOL_STARVATION) == []

    @pytest.mark.parametrize(("slots", "include_deferred", "full"), [(2, False, False), (2, True, True)])
    def test_a_deferred_task_takes_a_slot_where_the_pool_says_so(
        self, world: World, metastore: Metastore, slots: int, include_deferred: bool, full: bool
    ) -> None:
        world.pool("warehouse", slots, include_deferred)
        for task, state in (("a", "running"), ("b", "deferred"), ("c", "scheduled")):
            world.task(task, state, pool="warehouse")
        assert bool(found(metastore, POOL_STARVATION)) is full

    def test_a_task_of_several_slots_takes_them_all(self, world: World, metastore: Metastore) -> None:
        world.pool("warehouse", 4)
        world.task("wide", "running", pool="warehouse", pool_slots=4)
        world.task("next", "scheduled", pool="warehouse")
        assert found(metastore, POOL_STARVATION)[0].facts["taken"] == 4

    def test_a_pool_full_of_sensors(self, world: World, metastore: Metastore) -> None:
        world.pool("warehouse", 1)
        world.task("wait", "running", pool="warehouse", operator="ExternalTaskSensor")
        world.task("work", "scheduled", pool="warehouse")
        assert [finding.subject for finding in found(metastore, SENSOR_DEADLOCK)] == ["warehouse"]

    def test_a_pool_with_one_other_task_goes_on(self, world: World, metastore: Metastore) -> None:
        world.pool("warehouse", 2)
        world.task("wait", "running", pool="warehouse", operator="ExternalTaskSensor")
        world.task("work", "running", pool="warehouse", operator="PythonOperator")
        world.task("next", "scheduled", pool="warehouse")
        assert found(metastore, SENSOR_DEADLOCK) == []


class TestQueue:
    def test_more_than_the_limit_is_queued(self, world: World, metastore: Metastore) -> None:
        for number in range(5):
            world.task(f"t{number}", "queued", queue="gpu" if number < 3 else None)
        assert said(metastore, replace(QUEUE_DEPTH, threshold=5)) == []
        assert said(metastore, replace(QUEUE_DEPTH, threshold=4)) == [
            "5 task instances are queued (limit 4), 3 of them in queue gpu."
        ]

    @pytest.mark.parametrize(("slow", "sick"), [(1, False), (2, True)], ids=["one in twenty", "two in twenty"])
    def test_the_wait_of_one_in_twenty_counts(self, world: World, metastore: Metastore, slow: int, sick: bool) -> None:
        world.run(1)
        for number in range(20):
            waited = 300.0 if number < slow else 5.0
            world.task(f"t{number}", "success", run_id="scheduled__1", dag_id="orders", start_date=60.0,
                       queued_dttm=60.0 + waited)  # fmt: skip
        assert bool(found(metastore, QUEUE_WAIT)) is sick

    def test_few_task_instances_or_old_ones_say_nothing(self, world: World, metastore: Metastore) -> None:
        world.run(1)
        for number in range(40):
            world.task(f"t{number}", "success", run_id="scheduled__1", dag_id="orders", queued_dttm=9000.0,
                       start_date=60.0 if number < 19 else 4000.0)  # fmt: skip
        assert found(metastore, QUEUE_WAIT) == []


class TestRuns:
    @pytest.mark.parametrize(
        ("ended", "failed", "sick"), [(100, 2, True), (100, 1, False), (19, 5, False), (300, 2, False)]
    )
    def test_a_rate_needs_enough_runs_and_more_than_one_failure(
        self, world: World, metastore: Metastore, ended: int, failed: int, sick: bool
    ) -> None:
        for number in range(ended):
            world.run(number, state="failed" if number < failed else "success")
        world.run(1000, dag_id="other", state="running")
        assert bool(found(metastore, LOW_SUCCESS_RATE)) is sick

    def test_its_sentence(self, world: World, metastore: Metastore) -> None:
        for number in range(50):
            world.run(number, state="failed" if number < 2 else "success")
        assert said(metastore, LOW_SUCCESS_RATE) == [
            "orders succeeds too seldom: 96.0 % of its runs in 7 days (goal 99.2 %), 2 of 50 failed."
        ]

    def test_what_ended_more_than_a_week_ago_does_not_count(self, world: World, metastore: Metastore) -> None:
        for number in range(50):
            world.run(number, state="failed" if number < 5 else "success", due=8 * 86_400.0 if number < 5 else 60.0)
        assert found(metastore, LOW_SUCCESS_RATE) == []

    @pytest.mark.parametrize(("late", "sick"), [(100.0, False), (600.0, True)])
    def test_runs_that_were_made_late(self, world: World, metastore: Metastore, late: float, sick: bool) -> None:
        for number in range(4):
            world.run(number, due=7200.0)
        for number in range(4, 8):
            world.run(number, due=900.0, queued_at=900.0 - late)
        assert bool(found(metastore, SCHEDULER_LAG)) is sick

    def test_a_catch_up_a_cleared_run_and_a_dags_first_run_are_not_late(
        self, world: World, metastore: Metastore
    ) -> None:
        world.run(1)
        for number in range(2, 6):
            world.run(number, due=90_000.0, queued_at=10.0)  # due yesterday, made now
        for number in range(6, 10):
            world.run(number, due=3000.0, queued_at=10.0, clear_number=1)
        for number in range(10, 14):
            world.run(number, dag_id=f"new_{number}", due=3000.0, queued_at=10.0)
        assert found(metastore, SCHEDULER_LAG) == []


def test_a_task_that_runs_for_hours(world: World, metastore: Metastore) -> None:
    world.task("long", "running", start_date=7500.0, hostname="worker-3")
    world.task("short", "running", start_date=7000.0, hostname="worker-3")
    assert said(metastore, LONG_RUNNING) == [
        "features_train.long has been running for 2 h 5 min (limit 2 h) on worker-3."
    ]


def test_dag_files_that_are_read_too_seldom(world: World, metastore: Metastore) -> None:
    world.dag("fresh", 20.0)
    world.dag("paused", 9000.0, paused=True)
    world.dag("gone", 9000.0, gone=True)
    assert said(metastore, SLOW_DAG_PARSE) == []
    world.dag("sales", 1500.0)
    assert said(metastore, SLOW_DAG_PARSE) == [
        "DAG files are read too seldom: 1 DAG was not read for 10 min, sales for 25 min. Changes wait as long."
    ]


class TestXComs:
    def test_one_finding_for_what_hands_on_too_much(self, world: World, metastore: Metastore) -> None:
        for run in (1, 2):
            world.run(run)
            world.xcom(run, "extract", 20_480)
        world.xcom(2, "count", 300)
        assert said(metastore, XCOM_BLOAT) == [
            "orders.extract hands on 20 KB as XCom return_value (limit 10 KB): it is kept in the metastore, for each run."
        ]

    def test_only_the_newest_runs_are_looked_at(self, world: World, metastore: Metastore) -> None:
        for run in range(1, 303):
            world.run(run)
        world.xcom(1, "extract", 20_480)
        assert found(metastore, XCOM_BLOAT) == []


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_each_check_can_be_asked_of_an_empty_metastore(world: World, metastore: Metastore, check: Check) -> None:
    world.job("SchedulerJob", 1)
    assert found(metastore, check) == []


def test_a_pool_that_is_full_for_a_moment_is_not_told(world: World, metastore: Metastore) -> None:
    """It is told when it has lasted, and well again only if it was told sick."""
    told: list[str] = []
    memory = Memory()

    def sweep(check: Check) -> list[str]:
        told.clear()
        Sweep((check,), metastore, "prod", lambda bodies: told.extend(b["kind"] for b in bodies), memory).run()
        return list(told)

    def waits(change: Callable[[], None]) -> None:
        world.do("delete from task_instance")
        change()

    def full() -> None:
        world.task("a", "running", pool="warehouse")
        world.task("b", "scheduled", pool="warehouse")

    world.pool("warehouse", 1)
    waits(full)
    assert sweep(POOL_STARVATION) == []
    waits(lambda: None)
    assert sweep(POOL_STARVATION) == []
    waits(full)
    patient = replace(POOL_STARVATION, holds=0.0)
    assert sweep(patient) == ["check_failed"]
    assert sweep(POOL_STARVATION) == ["check_failed"]  # once told it stays told
    waits(lambda: None)
    assert sweep(POOL_STARVATION) == ["check_ok"]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_each_check_names_a_runbook_that_is_there(check: Check) -> None:
    assert (Path(__file__).parents[3] / "runbooks" / f"{check.runbook}.md").is_file()
