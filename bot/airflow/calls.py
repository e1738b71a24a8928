"""How every call to Airflow is made: timeouts, retries, circuit breaker and login.

`within(2.5)` puts one deadline over all calls of a block, so that a person who waits for a preview is answered in time.
Only reads are retried here; a write is sent once, and one that may have arrived is `Temporary(acted=None)`.
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
CONNECT_SHARE = 0.3  # of what is left of a deadline, so that connecting and waiting together stay within it
CONNECT_FAIR = 0.5  # in which a server that is there accepts
READ_ATTEMPTS = 3
RETRY_WINDOW_SECONDS = 5.0  # a call that took longer than this is not repeated: a person is waiting
MAX_BODY = 32 * 1024 * 1024
MAX_TAIL = 4 * 1024 * 1024

_deadline: ContextVar[float | None] = ContextVar("airflow_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All calls to any Airflow made in this block (and thread) together take at most `seconds`."""
    until = time.monotonic() + seconds
    outer = _deadline.get()
    token = _deadline.set(until if outer is None else min(outer, until))
    try:
        yield
    finally:
        _deadline.reset(token)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one attempt may take: to connect, to wait for bytes (seconds), and `until` when (monotonic)."""

    connect: float
    read: float
    until: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, read to its end. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300


class Login(Protocol):
    """Where the Authorization header comes from (see `login`)."""

    def headers(self, limits: Limits) -> dict[str, str]: ...

    def renew(self, stale: Mapping[str, str]) -> bool:
        """Whether another attempt with a new login makes sense, after these headers were refused."""


Ask = Callable[[Limits, dict[str, str]], Reply]


def drain(chunks: Iterable[bytes], limits: Limits, *, tail: bool = False) -> bytes:
    """Read a body within its limits. With `tail`, only its last 4 MiB are kept; else 32 MiB is the end."""
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
    """The calls to one deployment. Threads share it."""

    def __init__(self, name: str, *, timeout: float = READ_SECONDS, breaker: Breaker | None = None) -> None:
        self.name = name
        self._timeout = timeout
        self._breaker = breaker or Breaker(name, patience=timeout)

    def ask(self, what: str, do: Ask, login: Login | None, *, write: bool = False, allow: Collection[int] = ()) -> Any:
        """The answer's JSON, or None where the status is one of `allow`. `what` completes "the bot may not …"."""
        reply = self.send(what, do, login, write=write, allow=allow)
        if reply.status in allow:
            return None
        try:
            answer = read_json(reply.body) if reply.body else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):  # every answer of Airflow's is an object
            raise errors.garbled(self.name, write=write)
        return answer

    def send(
        self, what: str, do: Ask, login: Login | None, *, write: bool = False, allow: Collection[int] = ()
    ) -> Reply:
        """The answer, when it is a success or its status is one of `allow`; else `Temporary` or `Permanent`."""
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
        """One attempt, and a second one when only the login was too old: that refusal changed nothing."""
        reply, headers = self._attempt(do, login, write=write)
        if login is not None and errors.is_stale_login(reply.status, reply.body) and login.renew(headers):
            reply, _ = self._attempt(do, login, write=write)
        if reply.is_fine or (reply.status in allow and not errors.is_foreign(reply.status, reply.body)):
            return reply
        raise errors.of_reply(self.name, what, reply.status, reply.headers, reply.body, write=write)

    def _attempt(self, do: Ask, login: Login | None, *, write: bool) -> tuple[Reply, dict[str, str]]:
        """Sign in and send, as one passage through the breaker. What fails before sending has changed nothing."""
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
        """Whether it was our own deadline that ended the wait. A server that does not even accept us in half a second has
        no such excuse."""
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
