"""One connection of a sender's: plain signals are taken, one after the other; at the first thing that is not, it is the bot's.

Hard cases: requests that come in pieces, or many at once (what is not its turn yet is not looked at); a sender that goes
before it was answered (what is kept is kept); the end of the door (whoever is half-way is answered first). Rule: bytes are
counted, never guessed, so that what goes to the bot begins where a request begins.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

from bot.door.batch import Batch, Outcome
from bot.door.beyond import Beyond
from bot.door.head import LINE, length_of
from bot.door.plain import LIMIT, plain
from bot.door.said import said

IDLE_SECONDS = 75.0  # a connection on which nothing comes any more


@dataclass
class Hall:
    """What all connections share. `bot` is the path on which the bot listens; `is_closing` when the door ends."""

    batch: Batch
    token: str
    bot: str
    is_closing: bool = False
    open: set[Connection] = field(default_factory=set)
    given_on: set[asyncio.Task[None]] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """`hall.batch` answers in the same loop."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._buffer = b""
        self._waits = False  # for its commit
        self._is_over = False  # the sender has said all
        self._beyond: Beyond | None = None
        self.seen_at = time.monotonic()

    @property
    def is_idle(self) -> bool:
        return not self._waits and not self._buffer and self._beyond is None

    @property
    def is_given_on(self) -> bool:
        return self._beyond is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._hall.open.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._hall.open.discard(self)
        if self._beyond is not None:
            self._beyond.gone()

    def data_received(self, data: bytes) -> None:
        if self._beyond is not None:
            self._beyond.write(data)
            return
        self.seen_at = time.monotonic()
        self._buffer = self._buffer + data if self._buffer else data
        if not self._waits:
            self._next()

    def eof_received(self) -> bool:
        self._is_over = True
        if self._beyond is None:
            return self._waits
        self._beyond.end()
        return True  # the answer is still to come

    def pause_writing(self) -> None:
        if self._beyond is not None:
            self._beyond.slowly(True)
        elif not self._transport.is_closing():
            self._transport.pause_reading()  # it does not read what it is answered

    def resume_writing(self) -> None:
        if self._beyond is not None:
            self._beyond.slowly(False)
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()

    def _next(self) -> None:
        """Looks at what stands first in the buffer."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if not LINE.startswith(self._buffer[: len(LINE)]) or len(self._buffer) > LIMIT:
                self._give_on()
            return
        length = length_of(self._buffer[:end], self._hall.token)
        if length is None:
            self._give_on()
            return
        whole = end + 4 + length
        if len(self._buffer) < whole:
            return
        told = plain(self._buffer[end + 4 : whole])
        if told is None:
            self._give_on()
            return
        self._buffer, self._waits = self._buffer[whole:], True
        self._hall.batch.submit(told, self._answer)

    def _give_on(self) -> None:
        self._transport.pause_reading()
        self._beyond = Beyond(self._transport, self._buffer)
        self._buffer = b""
        if self._is_over:
            self._beyond.end()
        task = asyncio.get_running_loop().create_task(self._beyond.connect(self._hall.bot))
        self._hall.given_on.add(task)
        task.add_done_callback(self._hall.given_on.discard)

    def _answer(self, outcome: Outcome) -> None:
        self._waits = False
        if self._transport.is_closing():
            return
        ends = not self._buffer and (self._hall.is_closing or self._is_over)
        self._transport.write(said(outcome, is_last=ends))
        if self._buffer:
            self._next()
            ends = self._is_over and not self._waits and self._beyond is None
        if ends:
            self._transport.close()
