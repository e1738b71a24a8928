"""The circuit breaker of one deployment: after five outages in a row, calls fail at once for ten seconds.

Calls run concurrently, so only their outcomes are counted. An open breaker never makes a caller wait; a single call
then probes the server. A call that the bot's own deadline cut short says nothing about a server that answers others: it
counts only if no call has been answered for as long as a whole call may take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.core.errors import Temporary

OUTAGES_TO_OPEN = 5
SECONDS_OPEN = 10.0
PATIENCE = 10.0  # seconds without any answer, after which a wait that the bot ended itself counts as well


@dataclass(slots=True)
class Passage:
    """One call in progress. The caller sets whether it met an outage (`failed`), and whether the bot's own deadline
    ended the wait (`cut_short`)."""

    failed: bool = True
    cut_short: bool = False
    began: float = field(default_factory=time.monotonic)


class Breaker:
    """Counts consecutive outages of concurrent calls. `seconds` is how long it stays open."""

    def __init__(
        self, name: str, *, outages: int = OUTAGES_TO_OPEN, seconds: float = SECONDS_OPEN, patience: float = PATIENCE
    ) -> None:
        self._name, self._most, self._seconds, self._patience = name, outages, seconds, patience
        self._answered_at = float("-inf")
        self._silent_since: float | None = None
        self._outages = 0
        self._open_until: float | None = None
        self._lock = threading.Lock()
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    @contextmanager
    def passage(self) -> Iterator[Passage]:
        """Lets a call through; raises Temporary at once while the circuit is open."""
        probe = self._enter()
        passage = Passage()
        try:
            yield passage
        finally:
            self._leave(passage, probe=probe)

    def _enter(self) -> bool:
        with self._lock:
            if self._open_until is None:
                return False
            wait = self._open_until - time.monotonic()
            if wait > 0 or self._probing:
                raise Temporary(
                    f"Airflow ({self._name}) has not been reachable; the bot asks it again in a few seconds",
                    max(wait, 1.0),
                    acted=False,
                )
            self._probing = True
            return True

    def _leave(self, passage: Passage, *, probe: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False
            elif passage.cut_short and not self._is_silent(passage):
                return
            if not passage.failed:
                self._answered_at, self._silent_since = time.monotonic(), None
            if probe or not self.is_open:  # a call that began before the circuit opened adds nothing
                self._count(failed=passage.failed)

    def _count(self, *, failed: bool) -> None:
        self._outages = self._outages + 1 if failed else 0
        self._open_until = time.monotonic() + self._seconds if self._outages >= self._most else None

    def _is_silent(self, passage: Passage) -> bool:
        """Whether no call has been answered for as long as a whole call may take."""
        if self._silent_since is None:
            self._silent_since = max(passage.began, self._answered_at)
        return time.monotonic() - self._silent_since >= self._patience
