"""How every call to Airflow is made: timeouts, retries, circuit breaker and login.

`within(2.5)` puts one deadline over all calls of a block, so that a person who waits for a preview gets an answer in
time. Only reads are retried here; a write is sent once, and one that may have arrived is `Temporary(acted=None)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import tenacity

from bot.airflow import errors
from bot.airflow.breaker import Breaker
from bot.core.errors import Temporary
from bot.core.json_text import read_json

CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
CONNECT_SHARE = 0.3  # of the time left until a deadline, so that connecting and reading together stay within it
CONNECT_FAIR = 0.5  # seconds in which a running server accepts a connection
READ_ATTEMPTS = 3
RETRY_WINDOW_SECONDS = 5.0  # a call that took longer than this is not repeated, because a person is waiting
MAX_BODY = 32 * 1024 * 1024
MAX_TAIL = 4 * 1024 * 1024

_deadline: ContextVar[float | None] = ContextVar("airflow_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limits all calls to any Airflow made in this block (and thread) to `seconds` in total."""
    until = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(until if outer is None else min(outer, until))
    try:
        yield
    finally:
        _deadline.reset(token)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one attempt: seconds to connect, seconds to wait for bytes, and its end `until` (monotonic)."""

    connect: float
    read: float
    until: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300


class Login(Protocol):
    """Provides the Authorization header (see `login`)."""

    def headers(self, limits: Limits) -> dict[str, str]: ...

    def renew(self, stale: Mapping[str, str]) -> bool:
        """Called after these headers were refused. True if another attempt with a new login makes sense."""


Ask = Callable[[Limits, dict[str, str]], Reply]


def drain(chunks: Iterable[bytes], limits: Limits, *, tail: bool = False) -> bytes:
    """Reads a body. With `tail`, only its last 4 MiB are kept; otherwise raises TooLarge above 32 MiB. Raises
    TookTooLong after `limits.until`."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if time.monotonic() > limits.until:
            raise errors.TookTooLong
        if tail and len(body) > 2 * MAX_TAIL:
            del body[:-MAX_TAIL]
        if not tail and len(body) > MAX_BODY:
            raise errors.TooLarge
    return bytes(body[-MAX_TAIL:] if tail else body)


class Calls:
    """All calls to one deployment. It is shared by threads."""

    def __init__(self, name: str, *, timeout: float = READ_SECONDS, breaker: Breaker | None = None) -> None:
        self.name = name
        self._timeout = timeout
        self._breaker = breaker or Breaker(name, patience=timeout)

    def ask(self, what: str, do: Ask, login: Login | None, *, write: bool = False, allow: Collection[int] = ()) -> Any:
        """Returns the answer's JSON object, or None if the status is in `allow`. `what` completes "the bot may not
        …"."""
        reply = self.send(what, do, login, write=write, allow=allow)
        if reply.status in allow:
            return None
        try:
            answer = read_json(reply.body) if reply.body else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):  # every valid answer from Airflow is an object
            raise errors.garbled(self.name, write=write)
        return answer

    def send(
        self, what: str, do: Ask, login: Login | None, *, write: bool = False, allow: Collection[int] = ()
    ) -> Reply:
        """Returns the answer if it is a success or its status is in `allow`; otherwise raises Temporary or
        Permanent."""
        if write:
            return self._signed_in(what, do, login, allow, write=True)
        retrying = tenacity.Retrying(
            stop=_enough,
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=1.0),
            retry=tenacity.retry_if_exception(self._worth_repeating),
            sleep=lambda seconds: time.sleep(max(0.0, min(seconds, _left()))),
            reraise=True,
        )
        return retrying(self._signed_in, what, do, login, allow, write=False)

    def _worth_repeating(self, error: BaseException) -> bool:
        return isinstance(error, Temporary) and not error.retry_after and not self._breaker.is_open

    def _signed_in(self, what: str, do: Ask, login: Login | None, allow: Collection[int], *, write: bool) -> Reply:
        """Makes one attempt, and a second if the login had expired, because that refusal changed nothing."""
        reply, headers = self._attempt(do, login, write=write)
        if login is not None and errors.is_stale_login(reply.status, reply.body) and login.renew(headers):
            reply, _ = self._attempt(do, login, write=write)
        if reply.is_fine or (reply.status in allow and not errors.is_foreign(reply.status, reply.body)):
            return reply
        raise errors.of_reply(self.name, what, reply.status, reply.headers, reply.body, write=write)

    def _attempt(self, do: Ask, login: Login | None, *, write: bool) -> tuple[Reply, dict[str, str]]:
        """Signs in and sends, as one passage through the breaker. A failure before sending has changed nothing."""
        limits = self._limits()
        with self._breaker.passage() as passage:
            is_sent = False
            try:
                headers = {} if login is None else login.headers(limits)
                passage.cut_short = _left() <= 0  # by the login, which was answered
                limits, is_sent = self._limits(), True
                reply = do(limits, dict(headers))
            except errors.TRANSPORT as error:
                passage.failed = errors.is_outage(error)
                passage.cut_short = self._cut_short(error, limits)
                raise errors.of_transport(self.name, error, limits.read, write=write and is_sent) from error
            passage.failed = reply.status in errors.OUTAGE_STATUSES
            return reply, headers

    def _cut_short(self, error: Exception, limits: Limits) -> bool:
        """Whether the bot's own deadline ended the wait. Does not apply to a server that hadn't accepted the connection
        within half a second."""
        if errors.is_unaccepted(error):
            return limits.connect < CONNECT_FAIR
        return errors.is_late(error) and (limits.read < self._timeout or _left() <= 0)

    def _limits(self) -> Limits:
        left = _left()
        if left <= 0:
            raise Temporary(f"Airflow ({self.name}) did not answer in time", acted=False)
        connect = min(CONNECT_SECONDS, left * CONNECT_SHARE)
        until = time.monotonic() + min(left, CONNECT_SECONDS + 3 * self._timeout)
        return Limits(connect, min(self._timeout, left - connect), until)


_tried_enough = tenacity.stop_after_attempt(READ_ATTEMPTS) | tenacity.stop_after_delay(RETRY_WINDOW_SECONDS)


def _enough(state: tenacity.RetryCallState) -> bool:
    return _left() <= 0 or _tried_enough(state)


def _left() -> float:
    until = _deadline.get()
    return float("inf") if until is None else until - time.monotonic()
