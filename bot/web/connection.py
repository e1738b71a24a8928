"""One HTTP connection, with limits on the time, memory and descriptors that a client can occupy.

uvicorn limits the head's size and the idle time between requests, and nothing else. A client that opens a connection
and sends nothing, or a byte a minute, would keep a descriptor forever.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

HEAD_SECONDS = 10.0  # from the connection, or the head's first byte, to the head's end
BODY_SECONDS = 30.0  # from the head's end to the body's end; 1 MiB at 35 kB/s
READER_SECONDS = 30.0  # for a peer that doesn't read its answers
LINGER_SECONDS, LINGER_BYTES = 5.0, 16 * 1_048_576  # for data that a peer still sends after it was refused
_SENTENCES = {
    400: "the request is not valid HTTP",
    408: "the request took too long to arrive",
    431: "the request's head is too large",
    503: "too many connections are open; try again in a moment",
}
_PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large",
            503: b"Service Unavailable"}  # fmt: skip


class Lingering:
    """A transport whose `close` keeps reading for a moment while the peer is still sending. Otherwise the kernel would
    answer unread bytes with a reset, and the peer would lose the answer that explains the refusal. A head is sent
    together with its body."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport, self._connection = transport, connection
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._connection.left is not None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self._head and self._connection.conn.our_state is h11.SEND_BODY and data.startswith(b"HTTP/1.1"):
            self._head = data
        elif data or self._head:
            self._transport.write(self._head + data)
            self._head = b""

    def close(self) -> None:
        if self._head:
            self.write(b"")
        if self.is_closing() or not self._connection.is_receiving:
            self._transport.close()
            return
        self._connection.linger()
        self._transport.write_eof()
        self._transport.resume_reading()


class Connection(H11Protocol):
    """At most `limit` connections, half of them from one address; beyond that, the connection that has been waiting for
    its peer longest is closed."""

    limit = 512
    deadline: float | None = None  # for what the peer does now; None while it waits for the bot
    since = 0.0  # when that wait began
    left: int | None = None  # bytes that are still read and discarded
    _is_in_body = False
    _has_ended = False  # the peer has sent its last byte

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._expect(HEAD_SECONDS)
        super().connection_made(cast("asyncio.Transport", Lingering(transport, self)))
        others = cast("AbstractSet[Connection]", self.connections)
        mine = [one for one in others if one.client and self.client and one.client[0] == self.client[0]]
        if len(others) > self.limit:
            _make_room(others, self)
        elif len(mine) > self.limit // 2:
            _make_room(mine, self)

    def data_received(self, data: bytes) -> None:
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                self.transport.abort()
            return
        if self.deadline is None:
            self._expect(HEAD_SECONDS)
        super().data_received(data)
        if self.left is None:
            self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.left is not None:
            return
        self._look()
        if self.conn.their_state is h11.IDLE:
            self.deadline = None  # uvicorn counts the idle time
            if self._has_ended:
                self.transport.close()

    def pause_writing(self) -> None:
        self._expect(READER_SECONDS)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._look()
        super().resume_writing()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Half-closed connections: a peer that has sent EOF still gets the answers to its requests."""
        self._has_ended = True
        return self.left is None and self.is_served

    @property
    def is_receiving(self) -> bool:
        """Whether the peer has begun a request and not finished it."""
        return self.conn.their_state in {h11.SEND_BODY, h11.ERROR} or bool(self.conn.trailing_data[0])

    @property
    def is_served(self) -> bool:
        """Whether a complete request has arrived and is being answered."""
        return self.deadline is None and self.cycle is not None and not self.cycle.response_complete

    def linger(self) -> None:
        self.left = LINGER_BYTES
        self._expect(LINGER_SECONDS)

    def end(self, status: int) -> None:
        """Answers with this status if nothing was sent yet, and closes the connection."""
        if self.left is None and self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = msgspec.json.encode({"error": _SENTENCES[status]})
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, _PHRASES[status], len(body), body)
            )
            self.conn.send_failed()
            if self.cycle is not None:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            self.transport.close()
        else:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's sentence is the same for every fault
        error = sys.exc_info()[1]
        self.end(431 if getattr(error, "error_status_hint", 400) == 431 else 400)

    def _expect(self, seconds: float) -> None:
        self.since = time.monotonic()
        self.deadline = self.since + seconds

    def _look(self) -> None:
        """Sets the deadline for what the peer has to send now: the rest of a body, of a head, or nothing."""
        in_body = self.conn.their_state is h11.SEND_BODY
        if in_body and not self._is_in_body:
            self._expect(BODY_SECONDS)
        elif not in_body and self.conn.their_state is not h11.IDLE:
            self.deadline = None
        self._is_in_body = in_body


def _make_room(among: Iterable[Connection], newest: Connection) -> None:
    waiting = [one for one in among if one is not newest and not one.is_served]
    if waiting:
        min(waiting, key=lambda one: one.since).transport.abort()
    else:
        newest.end(503)


def end_late(connections: Iterable[Connection]) -> None:
    """Ends the connections whose peer took too long, with 408."""
    now = time.monotonic()
    for one in list(connections):
        if one.deadline is not None and one.deadline < now:
            one.end(408)
