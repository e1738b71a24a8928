"""The circuit breaker: one probe when it is open, calls side by side when it is closed."""

from __future__ import annotations

import threading
import time

import pytest

from bot.airflow.breaker import Breaker
from bot.core.errors import Temporary


def pass_through(breaker: Breaker, *, failed: bool) -> None:
    with breaker.passage() as passage:
        passage.failed = failed


def test_an_open_breaker_lets_one_probe_through_and_closes_when_it_succeeds() -> None:
    breaker = Breaker("prod", outages=2, seconds=0.05)
    pass_through(breaker, failed=True)
    pass_through(breaker, failed=True)
    assert breaker.is_open
    until = time.monotonic() + 5
    while True:  # the time that it stays open
        try:
            with breaker.passage() as probe:
                with pytest.raises(Temporary):
                    pass_through(breaker, failed=False)  # somebody else, while the probe is on its way
                probe.failed = False
            break
        except Temporary:
            assert time.monotonic() < until, "the breaker never probed"
            threading.Event().wait(0.01)
    assert not breaker.is_open
    pass_through(breaker, failed=False)
