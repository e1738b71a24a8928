"""Tasks that run for hours."""

from __future__ import annotations

from bot.checks.catalog.tasks import LONG_RUNNING
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, said


def test_a_task_that_runs_for_hours(world: World, metastore: Metastore) -> None:
    world.task("long", "running", start_date=7500.0, hostname="worker-3")
    world.task("short", "running", start_date=7000.0, hostname="worker-3")
    assert said(metastore, LONG_RUNNING) == [
        "features_train.long has been running for 2 h 5 min (limit 2 h) on worker-3."
    ]
