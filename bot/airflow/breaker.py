"""The circuit breaker of one deployment: after five outages in a row, callers are told at once for ten seconds.

Hard cases: many threads call at the same time (pybreaker holds its lock while it calls, which would let only one request
through at a time, so the request is made outside and only its outcome is told to pybreaker); a person's preview that our own
deadline ends (that says nothing of a server which answers others: it is counted only once nobody has been answered for as long
as a whole call may take).
Rule: an open breaker never makes a caller wait, and one single call probes a server that may be back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pybreaker

from bot.core.errors import Temporary

OUTAGES_TO_OPEN = 5
SECONDS_OPEN = 10.0
PATIENCE = 10.0  # seconds without any answer, after which a wait that we ended ourselves counts as well


class _Outage(Exception):
    """What pybreaker counts."""


@dataclass(slots=True)
class Passage:
    """One call on its way; whoever makes it says whether it met an outage, or that our own deadline ended the wait for it."""

    failed: bool = True
    cut_short: bool = False
    began: float = field(default_factory=time.monotonic)


class Breaker:
    """pybreaker's states and counting, around calls that run side by side."""

    def __init__(
        self, name: str, *, outages: int = OUTAGES_TO_OPEN, seconds: float = SECONDS_OPEN, patience: float = PATIENCE
    ) -> None:
        self._name = name
        self._patience = patience
        self._answered_at = float("-inf")
        self._silent_since: float | None = None
        self._open_for = timedelta(seconds=seconds)
        self._state = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=outages, reset_timeout=seconds, state_storage=self._state, throw_new_error_on_trip=False
        )
        self._lock = threading.Lock()
        self._probing = False

    @property
    def is_open(self) -> bool:
        return bool(self._breaker.current_state != pybreaker.STATE_CLOSED)

    @contextmanager
    def passage(self) -> Iterator[Passage]:
        """Let a call through, or raise `Temporary` at once while the circuit is open."""
        probe = self._enter()
        passage = Passage()
        try:
            yield passage
        finally:
            self._leave(passage, probe=probe)

    def _enter(self) -> bool:
        with self._lock:
            if not self.is_open:
                return False
            wait = self._seconds_left()
            if wait > 0 or self._probing:
                raise Temporary(
                    f"Airflow ({self._name}) has not been reachable; the bot asks it again in a few seconds",
                    max(wait, 1.0),
                    acted=False,
                )
            self._breaker.half_open()
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
            with suppress(_Outage, pybreaker.CircuitBreakerError):
                self._breaker.call(_outcome, passage.failed)

    def _is_silent(self, passage: Passage) -> bool:
        """Whether nobody has been answered for as long as a whole call may take."""
        if self._silent_since is None:
            self._silent_since = max(passage.began, self._answered_at)
        return time.monotonic() - self._silent_since >= self._patience

    def _seconds_left(self) -> float:
        opened = self._state.opened_at
        return 0.0 if opened is None else (opened + self._open_for - datetime.now(UTC)).total_seconds()


def _outcome(failed: bool) -> None:
    if failed:
        raise _Outage
