"""tidy: lets go of what is older than it is kept, a little at a time.

Rule: it never holds the store for longer than one small deletion, and leaves off when its time is over; the next round goes on.
"""

from __future__ import annotations

import time
from datetime import timedelta

from bot.responder.services import Services
from bot.store import housekeeping

EVERY = timedelta(hours=1)
SECONDS = 60.0  # a round
BREATH = 0.05  # between two deletions, for whoever waits for the store


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
