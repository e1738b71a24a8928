"""`python -m bot.door`: started by the bot alone, which holds the other ends of the pipes.

Standard input brings lines of JSON: first what is needed to begin (`listener` is the number of an open socket), then how far
the bot has observed; its end is ours, too. Standard output takes lines of JSON: how far signals are stored, and how many.
Hard case: the bot is killed; the port must be free for the next one at once, and whoever waits for a commit still gets its
answer. Rule: nothing that the bot does or leaves undone keeps the door from taking signals.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from bot.door.batch import Batch
from bot.door.connection import IDLE_SECONDS, Connection, Hall
from bot.store.inbox import Inbox

GRACE_SECONDS = 3.0
_TELL_SECONDS = 0.005  # one word to the bot for all that came in that time
_LOOK_SECONDS = 10.0


class Door:
    """`run` until the bot's end of the pipe is closed."""

    def __init__(self, given: dict[str, Any], to_bot: Any) -> None:
        self._given, self._to_bot = given, to_bot
        self._telling = False
        self._over = asyncio.Event()
        self.inbox = Inbox(given["inbox"])
        self.batch = Batch(self.inbox, self._changed)
        self.hall = Hall(self.batch, given["token"], given["bot"])

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):  # meant for the bot, which ends us in its turn
            loop.add_signal_handler(number, lambda: None)
        listener = socket.socket(fileno=self._given["listener"])
        server = await loop.create_server(lambda: Connection(self.hall), sock=listener, backlog=2048)
        looking = loop.create_task(self._look())
        await loop.connect_read_pipe(lambda: _Words(self._hear, self._over.set), sys.stdin)
        self._tell()
        await self._over.wait()
        server.close()
        looking.cancel()
        await self._drain()
        self.inbox.close()

    def _hear(self, word: dict[str, Any]) -> None:
        self.batch.observed = word["observed"]

    def _changed(self) -> None:
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_later(_TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        self._telling = False
        if self._to_bot.get_write_buffer_size():  # it does not listen just now; it is told all at once later
            self._changed()
            return
        batch = self.batch
        said = {"stored": batch.stored, "accepted": batch.accepted, "duplicates": batch.duplicates}
        self._to_bot.write(json.dumps(said).encode() + b"\n")

    async def _look(self) -> None:
        """Hangs up on whoever has nothing to say any more."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            before = time.monotonic() - IDLE_SECONDS
            for one in list(self.hall.open):
                if one.seen_at < before and not one.is_given_on:
                    one.close()

    async def _drain(self) -> None:
        self.hall.is_closing = True
        end = time.monotonic() + GRACE_SECONDS
        while self.hall.open and time.monotonic() < end:
            for one in list(self.hall.open):
                if one.is_idle:
                    one.close()
            await asyncio.sleep(0.01)


class _Words(asyncio.Protocol):
    """Lines of JSON from the bot."""

    def __init__(self, hear: Any, over: Any) -> None:
        self._hear, self._over, self._rest = hear, over, b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))

    def connection_lost(self, _: Exception | None) -> None:
        self._over()


async def _serve(given: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.Protocol, sys.stdout)
    await Door(given, transport).run()


def main() -> None:
    """Serves until the bot ends, then takes away the path on which it listened."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with open(0, "rb", buffering=0, closefd=False) as words:  # unbuffered: nothing behind the first line is read yet
        given = json.loads(words.readline())
    gc.collect()
    gc.freeze()
    uvloop.run(_serve(given))
    with suppress(OSError):  # the bot does it by itself, unless it was killed
        Path(given["bot"]).unlink(missing_ok=True)
        Path(given["bot"]).parent.rmdir()


if __name__ == "__main__":
    main()
