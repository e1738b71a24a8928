"""A metastore of each major on each database, and sweeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.checks.metastore.connection import Metastore
from tests.checks.worlds import World


@pytest.fixture(
    params=[("sqlite", 2), ("sqlite", 3), ("postgresql", 2), ("postgresql", 3)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind, major = request.param
    url = f"sqlite:///{tmp_path}/air flow.db" if kind == "sqlite" else request.getfixturevalue("database")
    made = World(url, major)
    yield made
    made.close()


@pytest.fixture
def metastore(world: World) -> Iterator[Metastore]:
    made = Metastore(world.url)
    yield made
    made.close()
