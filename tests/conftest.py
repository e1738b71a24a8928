"""Fixtures that every test may ask for live in `tests.stacks`.

Where continuous integration runs, hypothesis tries the same examples each time: a change is judged by itself and not by
chance. Everywhere else it looks for new ones. A machine that is busy with other tests is slow, which says nothing of a test.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.responder.services import Services
from tests.given import OPENED, Clock, some_services

pytest_plugins = ["tests.stacks"]

BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same each time", BUSY, derandomize=True)
settings.register_profile("looking", BUSY)
settings.register_profile("long", BUSY, max_examples=int(os.environ.get("EXAMPLES") or 2_000))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("same each time" if os.environ.get("CI") else "looking"))


@pytest.fixture(autouse=True)
def _the_log_is_as_it_was() -> Iterator[None]:
    """A test that runs the command line in this process sets its log up; the next test doesn't inherit that."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture(autouse=True)
def _what_was_opened_is_closed() -> Iterator[None]:
    """Python 3.13 warns of a SQLite connection that is left to the garbage collector, and a warning fails a test."""
    before = len(OPENED)
    yield
    while len(OPENED) > before:
        OPENED.pop().close()


@pytest.fixture
def clock() -> Clock:
    """The time of a test, which passes when the test says so."""
    return Clock()


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Services:
    """Services on an empty SQLite store, with nothing configured. A file whose tests need more has a fixture of its own."""
    return some_services(f"sqlite:///{tmp_path / 'windsock.db'}", clock)
