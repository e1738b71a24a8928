"""The site on a real port, and a sender that decides about every byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.web.connection import Connection
from bot.web.http import Edge
from bot.web.routes import site
from bot.web.server import Server, listening, server
from tests.given import SENT, wait_until
from tests.web.conftest import TOKEN

Said = tuple[int, list[str], bytes]  # the status, the headers but the date, the body
RIGHT = f"Authorization: Bearer {TOKEN}"
ALIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


class Running:
    """A server in a thread of its own."""

    def __init__(self, edge: Edge) -> None:
        self.listener = listening("127.0.0.1", 0)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server: Server = server(site(edge))
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],), daemon=True)

    @property
    def connections(self) -> list[Connection]:
        return list(self.server.server_state.connections)  # type: ignore[arg-type]


@contextmanager
def running(edge: Edge) -> Iterator[Running]:
    one = Running(edge)
    one.thread.start()
    wait_until(lambda: one.server.started, lambda: "a server that has not started")
    try:
        yield one
    finally:
        one.server.should_exit = True
        one.thread.join(20)
        assert not one.thread.is_alive()


@contextmanager
def served(edge: Edge) -> Iterator[str]:
    """The address of a running site."""
    with running(edge) as one:
        yield one.url


class Line:
    """A connection of a sender's. It waits ten seconds for an answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def hear(self) -> Said:
        """The next answer; a status of 0 when the connection was closed without one."""
        try:
            words = self._file.readline().decode().split()
        except ConnectionResetError:
            words = []
        if not words:
            return 0, [], b""
        headers = list(iter(lambda: self._file.readline().decode().strip().lower(), ""))
        if words[1] == "100":
            return self.hear()
        length = next((int(line.split(":")[1]) for line in headers if line.startswith("content-length")), 0)
        return int(words[1]), sorted(line for line in headers if not line.startswith("date:")), self._file.read(length)

    def is_open(self) -> bool:
        """Whether another request is answered here."""
        try:
            self.send(ALIVE)
            return self.hear()[0] == 200
        except (ConnectionResetError, BrokenPipeError):
            return False


def request(body: bytes, *headers: str, line: str = "POST /v1/signals HTTP/1.1", length: int | None = None) -> bytes:
    said = f"Content-Length: {len(body) if length is None else length}"
    return "\r\n".join([line, "Host: x", *headers, said, "", ""]).encode() + body


def news(number: int, **changed: Any) -> bytes:
    """The body of a signal, another one for each number."""
    return json.dumps(SENT | {"task_id": f"t{number}"} | changed).encode()
