"""A strict stand-in for the bot's door: it takes signals, refuses, drips, or answers what it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "right"


class Receiver:
    """`status` is what it answers; 0 drips the answer byte by byte for ever. A body with `refuses` in it is answered
    `refuses_with`."""

    def __init__(self, port: int = 0, token: str = TOKEN) -> None:
        self.bodies: list[Any] = []
        self.status, self.refuses, self.refuses_with, self.token = 202, "", 422, token
        self.answered: list[int] = []
        self.ended = threading.Event()
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.take(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Door)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def signals(self) -> list[dict[str, Any]]:
        """Everything that was taken, in order."""
        return [signal for body in list(self.bodies) for signal in body.get("signals", [body])]

    def answer(self, status: int) -> None:
        self.status = status

    def take(self, door: BaseHTTPRequestHandler) -> None:
        raw = door.rfile.read(int(door.headers["Content-Length"]))
        body = json.loads(raw)
        status = self.refuses_with if self.refuses and self.refuses in raw.decode() else self.status
        if door.path != "/v1/signals" or door.headers["Content-Type"] != "application/json":
            status = 404
        elif door.headers.get("Authorization") != f"Bearer {self.token}":
            status = 401
        elif len(raw) > 1 << 20 or len(body.get("signals", [body])) > 1000:
            status = 413
        if status == 0:
            self.drip(door)
            return
        self.answered.append(status)
        if 200 <= status < 300:
            self.bodies.append(body)
        door.send_response(status)
        door.end_headers()
        door.wfile.write(b'{"accepted": 1, "duplicates": 0}' if status == 202 else b"no, because of the test")

    def drip(self, door: BaseHTTPRequestHandler) -> None:
        try:
            for byte in b"HTTP/1.1 202 Accepted\r\nX-Slow: " + b"." * 10_000:
                door.wfile.write(bytes([byte]))
                if self.ended.wait(0.1):
                    return
        except OSError:
            pass

    def find(self, seconds: float = 60.0, **wanted: Any) -> dict[str, Any]:
        """The first signal with these fields, waited for; fails with what came instead."""
        until = time.monotonic() + seconds
        while True:
            for signal in self.signals:
                if all(signal.get(name) == value for name, value in wanted.items()):
                    return signal
            came = [(s["kind"], s.get("dag_id"), s.get("task_id"), s.get("file")) for s in self.signals]
            assert time.monotonic() < until, f"no signal {wanted}; these came: {came}"
            time.sleep(0.05)

    def wait_for(self, count: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        """The signals, once there are `count` of them; fails with what came when there are not."""
        until = time.monotonic() + seconds
        while len(self.signals) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.signals) >= count, f"{len(self.signals)} of {count} signals came: {self.signals}"
        return self.signals


@contextmanager
def receiving(port: int = 0, token: str = TOKEN) -> Iterator[Receiver]:
    receiver = Receiver(port, token)
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(5)
