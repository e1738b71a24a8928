"""Answers that Slack could not take when they were due: they are said when it is back.

Hard case: a person typed a command while Slack's API was away. It was acknowledged and carried out, and they must hear so. The
address that Slack brought lives for half an hour; what is older is whispered in the channel. Rule: in the order in which they
were due, each once, and never more than a bounded number of them. They are this process's own: a restart loses them, and what
was done stands on the alert and in the audit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackClientError

from bot.core.errors import Permanent, Temporary

logger = logging.getLogger(__name__)
EVERY = 3.0  # seconds between two rounds
MOST, KEPT_SECONDS = 1_000, 29 * 60.0
GIVES_UP = 3  # in a round, after so many that Slack did not take
_AWAY = (Temporary, SlackClientError, OSError, ValueError, AttributeError)  # what a Slack that is away makes of a call


@dataclass(frozen=True, slots=True)
class _Owed:
    call: Callable[[], object]
    until: float
    instead: Callable[[], object] | None


class Owed:
    """Thread-safe. A call that answers through an address gives a response with a `status_code`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._waiting: deque[_Owed] = deque(maxlen=MOST)

    def say(self, call: Callable[[], object], instead: Callable[[], object] | None = None) -> object:
        """Says it now, or when Slack is back; `instead` is tried when that takes longer than the address lives. Raises
        Permanent."""
        try:
            return _called(call)
        except _AWAY as error:
            logger.warning("a person is answered when Slack is back: %s", error)
        with self._lock:
            self._waiting.append(_Owed(call, self._clock() + KEPT_SECONDS, instead))
        return None

    def round(self) -> None:
        """Says what is owed, the oldest first, as far as Slack takes it."""
        with self._lock:
            tried, self._waiting = list(self._waiting), deque(maxlen=MOST)
        left: list[_Owed] = []
        for owed in tried:
            if len(left) >= GIVES_UP:
                left.append(owed)
                continue
            try:
                self._settle(owed)
            except _AWAY:
                left.append(owed)
        with self._lock:
            self._waiting = deque([*left, *self._waiting], maxlen=MOST)

    def _settle(self, owed: _Owed) -> None:
        late = self._clock() > owed.until
        try:
            if not late:
                _called(owed.call)
            elif owed.instead is not None and self._clock() < owed.until + KEPT_SECONDS:
                _called(owed.instead)
        except Permanent as error:
            logger.warning("a person could not be answered: %s", error.message)


def _called(call: Callable[[], object]) -> object:
    """Raises Temporary for an answer that says so."""
    answer: Any = call()
    status, body = getattr(answer, "status_code", 200), getattr(answer, "body", "ok")
    if isinstance(status, int) and (status == 429 or status >= 500):
        raise Temporary(f"Slack answered {status}")
    if isinstance(body, str) and body[:1] not in {"", "o", "{"}:  # not Slack's `ok`: a page of what stands in between
        raise Temporary("Slack did not say ok")
    return answer


_asking: ContextVar[Owed | None] = ContextVar("asking", default=None)


@contextmanager
def owing(owed: Owed) -> Iterator[None]:
    """While this lasts, what is `said` and cannot be is owed there."""
    token = _asking.set(owed)
    try:
        yield
    finally:
        _asking.reset(token)


def said(call: Callable[[], object], instead: Callable[[], object] | None = None) -> object:
    """`Owed.say`, where somebody waits for an answer; else one try. Raises what the call raises, and Permanent."""
    owed = _asking.get()
    return _called(call) if owed is None else owed.say(call, instead)
