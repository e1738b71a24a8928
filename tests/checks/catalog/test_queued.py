"""Tasks that wait in the queue, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.checks.catalog.queued import QUEUE_DEPTH, QUEUE_WAIT
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, found, said


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
