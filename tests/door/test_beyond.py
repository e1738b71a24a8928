"""A connection that is given on: bytes go to and fro as they are, as fast as the slower side wants them."""

from __future__ import annotations

import asyncio
import json
import queue
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from bot.door.batch import Batch
from bot.door.connection import Connection, Hall
from bot.store.inbox import Inbox
from bot.store.store import Store
from tests.door.test_plain import SENT
from tests.scenarios.waiting import eventually

MUCH = 64_000_000  # bytes; far more than the kernel and two programs keep on their way
SOME = MUCH // 4
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"


class Bot:
    """Listens on a path, and does with its one connection what it is told to."""

    def __init__(self, path: Path, does: Callable[[socket.socket], None]) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._does = does
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(20)
            self._does(connection)

    def close(self) -> None:
        self._listener.close()
        self.thread.join(20)


@contextmanager
def a_door(path: Path) -> Iterator[int]:
    """A door in a thread before that path; its port."""
    ports: queue.Queue[int] = queue.Queue()
    ends, loops = asyncio.Event(), list[asyncio.AbstractEventLoop]()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        hall = Hall(Batch(Inbox(str(path)), lambda: None), "", str(path))
        server = await loops[0].create_server(lambda: Connection(hall), "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await ends.wait()
        server.close()
        for one in list(hall.open):
            one.close()
        while hall.open:
            await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    try:
        yield ports.get(timeout=20)
    finally:
        loops[0].call_soon_threadsafe(ends.set)
        thread.join(20)


@contextmanager
def between(folder: Path, does: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A sender's connection to a door before such a bot."""
    bot = Bot(folder / "bot", does)
    try:
        with (
            a_door(folder / "bot") as port,
            socket.create_connection(("127.0.0.1", port), timeout=20) as line,
        ):
            yield line
    finally:
        bot.close()


def everything(connection: socket.socket) -> bytes:
    """Until the other side has said all."""
    came = b""
    while piece := connection.recv(1 << 20):
        came += piece
    return came


class Pouring:
    """Sends so many bytes; `is_stuck` while nobody takes them."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self.poured, self.is_stuck = connection, 0, threading.Event()

    def run(self) -> None:
        self._connection.setblocking(False)
        while self.poured < MUCH:
            if not select.select([], [self._connection], [], 0.5)[1]:
                self.is_stuck.set()
                continue
            self.poured += self._connection.send(b"x" * min(65_536, MUCH - self.poured))
        self._connection.settimeout(20)


def test_every_byte_goes_through_and_back(tmp_path: Path) -> None:
    def echo(connection: socket.socket) -> None:
        while piece := connection.recv(65_536):
            connection.sendall(piece)

    sent = GET + bytes(range(256)) * 4_000
    with between(tmp_path, echo) as line:
        threading.Thread(target=line.sendall, args=(sent,), daemon=True).start()
        came = b""
        while len(came) < len(sent):
            came += line.recv(1 << 20)
        assert came == sent


def test_a_side_that_has_said_all_is_still_answered(tmp_path: Path) -> None:
    with between(tmp_path, lambda bot: bot.sendall(b"%d bytes" % len(everything(bot)))) as line:
        line.sendall(GET)
        line.shutdown(socket.SHUT_WR)
        assert everything(line) == b"%d bytes" % len(GET)


def test_a_sender_that_reads_slowly_is_waited_for(tmp_path: Path) -> None:
    """What is on its way is bounded, however much there is to say; and all of it comes in the end."""
    pouring: list[Pouring] = []

    def bot(connection: socket.socket) -> None:
        pouring.append(Pouring(connection))
        pouring[0].run()

    with between(tmp_path, bot) as line:
        line.sendall(GET)
        eventually(lambda: pouring and pouring[0].is_stuck.is_set(), lambda: [one.poured for one in pouring])
        assert 0 < pouring[0].poured < SOME
        assert len(everything(line)) == MUCH


def test_a_bot_that_reads_slowly_is_waited_for(tmp_path: Path) -> None:
    goes_on, came = threading.Event(), [0]

    def bot(connection: socket.socket) -> None:
        goes_on.wait(60)
        came[0] = len(everything(connection))

    with between(tmp_path, bot) as line:
        line.sendall(GET)
        pouring = Pouring(line)
        thread = threading.Thread(target=pouring.run, daemon=True)
        thread.start()
        assert pouring.is_stuck.wait(30), pouring.poured
        assert 0 < pouring.poured < SOME
        goes_on.set()
        thread.join(30)
        line.shutdown(socket.SHUT_WR)
        assert everything(line) == b""
        assert came[0] == len(GET) + MUCH


@pytest.mark.parametrize("how", ["politely", "abruptly"])
def test_a_sender_that_goes_takes_its_other_end_along(tmp_path: Path, how: str) -> None:
    gone, seen = threading.Event(), threading.Event()

    def bot(connection: socket.socket) -> None:
        seen.set()
        everything(connection)
        gone.set()

    with between(tmp_path, bot) as line:
        line.sendall(GET)
        assert seen.wait(20)
        if how == "abruptly":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
        assert gone.wait(20)


def test_what_comes_while_a_signal_waits_for_its_commit_is_not_looked_at_before(tmp_path: Path) -> None:
    """The kernel may bring two pieces in one turn of the loop."""
    store = Store(f"sqlite:///{tmp_path / 's.db'}")
    store.migrate()
    store.close()
    body = json.dumps(SENT).encode()
    signal = b"POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def turn() -> list[bytes]:
        said: list[bytes] = []
        inbox = Inbox(store.inbox)
        one = Connection(Hall(Batch(inbox, lambda: None), "", str(tmp_path / "nobody")))
        transport = Mock(is_closing=lambda: False, write=said.append)
        one.connection_made(transport)
        one.data_received(signal)
        one.data_received(GET)
        while not transport.close.called:
            await asyncio.sleep(0)
        inbox.close()
        return said

    assert [one.split(b"\r\n")[0] for one in asyncio.run(turn())] == [
        b"HTTP/1.1 202 Accepted", b"HTTP/1.1 503 Service Unavailable"]  # fmt: skip
