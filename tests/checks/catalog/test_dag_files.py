"""DAG files that are parsed too seldom."""

from __future__ import annotations

from bot.checks.catalog.dag_files import SLOW_DAG_PARSE
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, said


def test_dag_files_that_are_read_too_seldom(world: World, metastore: Metastore) -> None:
    world.dag("fresh", 20.0)
    world.dag("paused", 9000.0, paused=True)
    world.dag("gone", 9000.0, gone=True)
    assert said(metastore, SLOW_DAG_PARSE) == []
    world.dag("sales", 1500.0)
    assert said(metastore, SLOW_DAG_PARSE) == [
        "DAG files are read too seldom: 1 DAG was not read for 10 min, sales for 25 min. Changes wait as long."
    ]
