"""A connection that is given on to the bot: from here on, bytes go to and fro as they are.

Hard cases: a side that reads slowly (the other one is read as slowly); a side that has said all it has to say but still
listens; a bot that does not listen (a 503, since whoever asked waits for a word). Rule: nothing is changed and nothing is kept.
"""

from __future__ import annotations

import asyncio
from typing import cast

from bot.core.errors import Temporary
from bot.door.said import said

NOBODY = Temporary("the bot is starting, or at its end", retry_after=2)


class Beyond(asyncio.Protocol):
    """The bot's end. `near` is the sender's transport, on which reading is paused until this end stands."""

    def __init__(self, near: asyncio.Transport, first: bytes) -> None:
        self._near, self._first = near, first
        self._far: asyncio.Transport | None = None
        self._is_over = False  # the sender has said all

    async def connect(self, path: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: self, path)
        except OSError:
            self._near.write(said(NOBODY, is_last=True))
            self._near.close()

    # what the sender does

    def write(self, data: bytes) -> None:
        if self._far is None:
            self._first += data
        else:
            self._far.write(data)

    def end(self) -> None:
        self._is_over = True
        if self._far is not None and self._far.can_write_eof():
            self._far.write_eof()

    def gone(self) -> None:
        if self._far is not None:
            self._far.close()

    def slowly(self, is_full: bool) -> None:
        """The sender reads more slowly than the bot writes, or no longer so."""
        if self._far is not None and not self._far.is_closing():
            (self._far.pause_reading if is_full else self._far.resume_reading)()

    # what the bot does

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._far = cast("asyncio.Transport", transport)
        if self._near.is_closing():
            self._far.close()
            return
        self._far.write(self._first)
        self._first = b""
        if self._is_over:
            self.end()
        self._near.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._near.write(data)

    def eof_received(self) -> bool:
        return False  # it has answered all that it will

    def connection_lost(self, _: Exception | None) -> None:
        self._near.close()

    def pause_writing(self) -> None:
        if not self._near.is_closing():
            self._near.pause_reading()

    def resume_writing(self) -> None:
        if not self._near.is_closing():
            self._near.resume_reading()
