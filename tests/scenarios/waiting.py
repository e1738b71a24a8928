"""Waiting for something to come true, with a bound; when it does not come, the test fails with what was there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 30.0  # seconds; a busy machine is slow, and a promise that is kept costs none of them


def eventually(look: Callable[[], T], there: Callable[[], object], seconds: float = PATIENCE) -> T:
    """The first truthy answer of `look`; AssertionError with what `there` gives when the time is over."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s; there was: {there()}")
        time.sleep(0.03)
    return found
