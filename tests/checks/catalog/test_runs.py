"""Success rate and scheduler lag, from the newest runs."""

from __future__ import annotations

import pytest

from bot.checks.catalog.runs import LOW_SUCCESS_RATE, SCHEDULER_LAG
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, found, said


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
