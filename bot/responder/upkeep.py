"""Deletes what is older than its retention time, a little at a time, so that the store is never held longer than one
small deletion.
"""

from __future__ import annotations

import time
from datetime import timedelta

from bot.responder.services import Services
from bot.store import housekeeping

EVERY = timedelta(hours=1)
SECONDS = 60.0  # a round
BREATH = 0.05  # between two deletions, for others who wait for the store


def tidy(services: Services, keep: timedelta, seconds: float = SECONDS) -> int:
    """Forgets what is older; the number of rows."""
    end, gone = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        some = housekeeping.forget(services.store, services.clock() - keep)
        if not some:
            break
        gone += some
        time.sleep(BREATH)
    return gone
