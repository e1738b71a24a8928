"""Checks whether the store can be written, because a full disk can still be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bot.core.errors import Permanent, Temporary
from bot.responder.services import Services

PROBE_SECONDS = 5.0


class Probe:
    """Probes at most every 5 seconds, because unauthenticated callers can trigger it."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = services.store, clock
        self._lock = threading.Lock()
        self._next, self._said = 0.0, ""

    def trouble(self) -> str:
        """What is wrong with the store, empty if it works. One caller at a time writes, the others get the last result.
        Reading is checked every time, because it waits for nothing."""
        try:
            self._store.ping()
        except (Temporary, Permanent) as error:
            return error.message
        if self._clock() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._said = self._tried()
                self._next = self._clock() + PROBE_SECONDS
            finally:
                self._lock.release()
        return self._said

    def _tried(self) -> str:
        try:
            self._store.probe()
        except (Temporary, Permanent) as error:
            return error.message
        return ""
