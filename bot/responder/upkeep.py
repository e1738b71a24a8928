"""Deletes rows that are older than their retention time, in small steps, so that the store is never locked for long."""

from __future__ import annotations

import time
from datetime import timedelta

from bot.responder.services import Services
from bot.store import housekeeping

EVERY = timedelta(hours=1)
SECONDS = 60.0  # per round
BREATH = 0.05  # seconds between two deletions, so that others can use the store


def tidy(services: Services, keep: timedelta, seconds: float = SECONDS) -> int:
    """Deletes rows older than `keep`, for at most `seconds`. Returns how many it deleted."""
    end, gone = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        some = housekeeping.forget(services.store, services.clock() - keep)
        if not some:
            break
        gone += some
        time.sleep(BREATH)
    return gone
