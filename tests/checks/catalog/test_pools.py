"""Pools that stay full while work waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.checks.catalog.pools import POOL_STARVATION, SENSOR_DEADLOCK
from bot.checks.check import Check
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Sweep
from tests.checks.worlds import Memory, World, found, said


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


def test_a_pool_that_is_full_for_a_moment_is_not_told(world: World, metastore: Metastore) -> None:
    """It is told when it has lasted, and well again only if it was told sick."""
    told: list[str] = []
    memory = Memory()

    def sweep(check: Check) -> list[str]:
        told.clear()
        Sweep((check,), metastore, "prod", lambda bodies: told.extend(b.kind for b in bodies), memory).run()
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
