"""Answers that Slack couldn't accept when they were due, delivered when it is available again.

A response_url is valid for half an hour; after that the answer is sent as an ephemeral message in the channel. Each is
sent once, the oldest first, and their number is limited. They are kept in memory: a restart loses them, but the result
is on the alert and in the audit.
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
GIVES_UP = 3  # failed answers after which a round ends
_AWAY = (
    Temporary,
    SlackClientError,
    OSError,
    HTTPException,
    AttributeError,
)  # errors of a call while Slack is unavailable


@dataclass(frozen=True, slots=True)
class _Owed:
    call: Callable[[], object]
    until: float
    instead: Callable[[], object] | None


class Owed:
    """The answers to deliver. Thread-safe. A call that uses a response_url returns a response with a `status_code`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._waiting: deque[_Owed] = deque(maxlen=MOST)

    def say(self, call: Callable[[], object], instead: Callable[[], object] | None = None) -> object:
        """Sends the answer now, or when Slack is available again; `instead` is used if the response_url has expired or
        is used up. Raises Permanent if Slack refuses it."""
        try:
            return _delivered(call, instead)
        except _AWAY as error:
            logger.warning("a person is answered when Slack is back: %s", error)
        with self._lock:
            self._waiting.append(_Owed(call, self._clock() + KEPT_SECONDS, instead))
        return None

    def round(self) -> None:
        """Tries each answer once, oldest first, until several have failed. Failed ones go to the end of the queue, so
        that they don't block the others."""
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
    """The response_url is used up, has expired, or was missing."""


def _spent() -> object:
    raise _Spent


def _delivered(call: Callable[[], object], instead: Callable[[], object] | None) -> object:
    try:
        return _called(call)
    except _Spent:
        return None if instead is None else _called(instead)


def _called(call: Callable[[], object]) -> object:
    """Makes the call. Raises Temporary for an answer that Slack did not accept for now, and _Spent."""
    try:
        answer: Any = call()
    except ValueError as error:  # Bolt raises it for a request without a response_url
        raise _Spent from error
    status, body = getattr(answer, "status_code", 200), getattr(answer, "body", "ok")
    if isinstance(status, int) and (status == 429 or status >= 500):
        raise Temporary(f"Slack answered {status}")
    if isinstance(status, int) and status >= 400:
        raise _Spent
    if isinstance(body, str) and body[:1] not in {"", "o", "{"}:  # not Slack's `ok`, but for example a proxy's page
        raise Temporary("Slack did not say ok")
    return answer


_asking: ContextVar[Owed | None] = ContextVar("asking", default=None)


@contextmanager
def owing(owed: Owed) -> Iterator[None]:
    """In this block, an answer that `said` can't deliver is kept in `owed`."""
    token = _asking.set(owed)
    try:
        yield
    finally:
        _asking.reset(token)


def said(call: Callable[[], object], instead: Callable[[], object] | None = None) -> object:
    """`Owed.say` within an `owing` block, otherwise one attempt. Raises the call's errors, and Permanent."""
    owed = _asking.get()
    return _called(call) if owed is None else owed.say(call, instead)
