"""Whether the store can be written: asked for often, tried seldom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from bot.core.errors import Permanent, Temporary
from bot.responder.services import Services
from bot.web.probe import PROBE_SECONDS, Probe


class Store:
    """Counts what is asked of it; `reads` and `writes` are what it raises."""

    def __init__(self) -> None:
        self.reads: Exception | None = None
        self.writes: Exception | None = None
        self.written = 0

    def ping(self) -> None:
        if self.reads:
            raise self.reads

    def probe(self) -> None:
        self.written += 1
        if self.writes:
            raise self.writes


@pytest.fixture
def store() -> Store:
    return Store()


def probe_of(store: Store, now: list[float]) -> Probe:
    return Probe(cast(Services, SimpleNamespace(store=store)), lambda: now[0])


def test_a_store_that_is_well_is_written_to_every_few_seconds_at_the_most(store: Store) -> None:
    now = [100.0]
    probe = probe_of(store, now)
    assert [probe.trouble() for _ in range(50)] == [""] * 50
    assert store.written == 1
    now[0] += PROBE_SECONDS
    assert probe.trouble() == ""
    assert store.written == 2


@pytest.mark.parametrize("error", [Temporary("the disk is full"), Permanent("read-only")])
def test_a_store_that_only_reads_is_in_trouble_until_a_write_succeeds(store: Store, error: Exception) -> None:
    now, store.writes = [100.0], error
    probe = probe_of(store, now)
    assert str(error) in probe.trouble()
    store.writes = None
    assert str(error) in probe.trouble(), "the last answer holds until the next try"
    now[0] += PROBE_SECONDS
    assert probe.trouble() == ""


def test_a_store_that_cannot_be_read_is_said_at_once_and_costs_no_write(store: Store) -> None:
    store.reads = Temporary("the store does not answer")
    assert probe_of(store, [0.0]).trouble() == "the store does not answer"
    assert store.written == 0
