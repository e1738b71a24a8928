"""The room of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.room import Room, a_room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A bot with nobody but a Slack and a PagerDuty around it; everybody is an operator."""
    with a_room(tmp_path) as opened:
        yield opened
