"""A check that a person asks gives the schedule's answer, to that person alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.checks.ask import AskedChecks
from bot.checks.catalog import ALL
from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World


@pytest.fixture(params=[2, 3])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path / 'airflow.db'}", request.param)
    yield made
    made.close()


def test_zombies_are_found_when_they_are_asked_for(world: World) -> None:
    world.running_task("fit", beat=900)
    world.running_task("well", beat=3)
    metastore = Metastore(world.url)
    asked = AskedChecks(ALL, metastore, "prod")
    seen = asked.ask("stale-heartbeats")
    assert seen is not None
    assert [finding.split(" runs ")[0] for finding in seen.findings] == ["features_train.fit"]
    assert (seen.error, seen.runbook) == ("", "zombie-tasks")
    assert asked.ask("nothing-like-it") is None
    assert "stale-heartbeats" in asked.names()
    metastore.close()


def test_a_check_that_cannot_be_asked_says_why(tmp_path: Path) -> None:
    metastore = Metastore(f"sqlite:///{tmp_path / 'nothing.db'}")
    seen = AskedChecks(ALL, metastore, "prod").ask("stale-heartbeats")
    metastore.close()
    assert seen is not None
    assert seen.error


def test_a_check_of_another_deployment_is_neither_named_nor_asked(metastore: Metastore) -> None:
    one = replace(ALL[0], deployment="test")
    asked = AskedChecks((one, *ALL[1:]), metastore, "prod")
    assert one.name not in asked.names()
    assert asked.ask(one.name) is None
