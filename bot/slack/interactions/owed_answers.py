"""Answers that Slack couldn't take when they were due, delivered when it is back.

A response_url lives for half an hour; after that the answer is sent as an ephemeral message in the channel. Each is
sent once, the oldest first, and their number is bounded. They are kept in this process: a restart loses them, but the
result is on the alert and in the audit.
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
from http.client import HTTPException
from typing import Any

from slack_sdk.errors import SlackClientError

from bot.core.errors import Permanent, Temporary

logger = logging.getLogger(__name__)
EVERY = 3.0  # seconds between two rounds
MOST, KEPT_SECONDS = 1_000, 29 * 60.0
GIVES_UP = 3  # in a round, after so many that Slack did not take
_AWAY = (
    Temporary,
    SlackClientError,
    OSError,
    HTTPException,
    AttributeError,
)  # what a Slack that is away makes of a call


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
        """Says it now, or when Slack is back; `instead` is tried where the address is spent, or lives no longer. Raises
        Permanent for what Slack refuses."""
        try:
            return _delivered(call, instead)
        except _AWAY as error:
            logger.warning("a person is answered when Slack is back: %s", error)
        with self._lock:
            self._waiting.append(_Owed(call, self._clock() + KEPT_SECONDS, instead))
        return None

    def round(self) -> None:
        """Tries each once, the oldest first, until Slack has not taken several. Those go behind the others, so that none of
        them holds the rest up."""
        failed = 0
        for _ in range(len(self._waiting)):
            with self._lock:
                owed = self._waiting.popleft()
            try:
                self._settle(owed)
            except _AWAY:
                failed += 1
                with self._lock:
                    self._waiting.append(owed)
            except Exception:
                logger.exception("a person could not be answered")
            if failed >= GIVES_UP:
                return

    def _settle(self, owed: _Owed) -> None:
        late = self._clock() - owed.until
        try:
            if late < KEPT_SECONDS:
                _delivered(_spent if late > 0 else owed.call, owed.instead)
        except Permanent as error:
            logger.warning("a person could not be answered: %s", error.message)


class _Spent(Exception):
    """The address that Slack brought is used up, too old, or was never there."""


def _spent() -> object:
    raise _Spent


def _delivered(call: Callable[[], object], instead: Callable[[], object] | None) -> object:
    try:
        return _called(call)
    except _Spent:
        return None if instead is None else _called(instead)


def _called(call: Callable[[], object]) -> object:
    """Raises Temporary for an answer that says so, and _Spent."""
    try:
        answer: Any = call()
    except ValueError as error:  # Bolt's word for a request that brought no address
        raise _Spent from error
    status, body = getattr(answer, "status_code", 200), getattr(answer, "body", "ok")
    if isinstance(status, int) and (status == 429 or status >= 500):
        raise Temporary(f"Slack answered {status}")
    if isinstance(status, int) and status >= 400:
        raise _Spent
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
    """`Owed.say`, where a person waits for an answer; else one try. Raises what the call raises, and Permanent."""
    owed = _asking.get()
    return _called(call) if owed is None else owed.say(call, instead)
