"""A local workspace, and a real Bolt app that listens to it over two sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.slack import people
from bot.sandbox.slack.rules.config import Config, Limits
from bot.sandbox.slack.server import Running, running
from tests.sandbox.slack.bolt_app import BoltApp, listening


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine what comes of a deed comes later than within a second."""
    monkeypatch.setattr(people, "AFTER_ACK", 3.0)


@pytest.fixture
def strict() -> Iterator[Running]:
    """A workspace with Slack's pace."""
    with running() as slack:
        yield slack


@pytest.fixture
def slack() -> Iterator[Running]:
    """A workspace without a pace; all limits of size hold."""
    with running(Config(limits=Limits(pace=False))) as workspace:
        yield workspace


@pytest.fixture
def bolt(slack: Running) -> Iterator[BoltApp]:
    with listening(slack) as app:
        yield app
