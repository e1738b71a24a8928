"""What each check calls sick and what it calls well, on metastores of both majors and both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.checks.catalog import ALL
from bot.checks.check import Check
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World, found


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_each_check_can_be_asked_of_an_empty_metastore(world: World, metastore: Metastore, check: Check) -> None:
    world.job("SchedulerJob", 1)
    assert found(metastore, check) == []


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_each_check_names_a_runbook_that_is_there(check: Check) -> None:
    assert (Path(__file__).parents[3] / "runbooks" / f"{check.runbook}.md").is_file()
