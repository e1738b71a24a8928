"""Waiting for a condition, with a bound, and saying what was there when it never came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any], there: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value of the condition; fails with what `there` gives when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s; there was: {there()}")
