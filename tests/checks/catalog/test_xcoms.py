"""XComs that are larger than the metastore is made for."""

from __future__ import annotations

from bot.checks.catalog.xcoms import XCOM_BLOAT
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, found, said


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
