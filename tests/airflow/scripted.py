"""A local HTTP server that answers as it is told: for the faults that a real Airflow does not show on demand."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str  # without query, as sent (percent-encoded)
    query: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Says:
    """One answer. `hang` seconds go by before it; `drop` closes the connection instead of answering."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    drop: bool = False

    @property
    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


Script = Says | Callable[[Asked], Says]


class ScriptedAirflow:
    """`on(method, path)` sets what is answered from now on; `asked` is everything that came, in order."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[tuple[str, str], list[Script]] = {}
        self._lock = threading.Lock()
        self.finished = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def on(self, method: str, path: str, *scripts: Script) -> None:
        """Several scripts are used up one after the other; the last one stays."""
        self._scripts[method, path] = list(scripts)

    def is_version(self, version: str) -> None:
        mine, other = ("/api/v1", "/api/v2") if version.startswith("2") else ("/api/v2", "/api/v1")
        self.on("GET", f"{mine}/version", Says(body={"version": version}))
        self.on("GET", f"{other}/version", Says(404, {"error": "API route not found"}))
        self.on("POST", "/auth/token", Says(201, {"access_token": "jwt-1"}))

    def count(self, method: str, path: str) -> int:
        return sum(1 for one in self.asked if (one.method, one.path) == (method, path))

    def last(self, method: str, path: str) -> Asked:
        return [one for one in self.asked if (one.method, one.path) == (method, path)][-1]

    def answer(self, asked: Asked) -> Says:
        with self._lock:
            self.asked.append(asked)
            scripts = self._scripts.get((asked.method, asked.path), [Says(404, {"error": "API route not found"})])
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script if isinstance(script, Says) else script(asked)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.finished.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        airflow = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(size)
                parts = urlsplit(self.path)
                headers = {key.lower(): value for key, value in self.headers.items()}
                says = airflow.answer(
                    Asked(self.command, parts.path, parts.query, headers, json.loads(sent) if sent else None)
                )
                airflow.finished.wait(says.hang) if says.hang else None
                if says.drop:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self._reply(says)

            def _reply(self, says: Says) -> None:
                self.send_response(says.status)
                for key, value in {"Content-Type": "application/json", **says.headers}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(says.payload)))
                self.end_headers()
                self.wfile.write(says.payload)

            do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 names of the standard library

            def handle(self) -> None:
                try:
                    super().handle()
                except (BrokenPipeError, ConnectionResetError):
                    return  # the bot did not wait for the answer

            def log_message(self, *_: Any) -> None:
                return

        return Handler


@contextmanager
def scripted_airflow() -> Iterator[ScriptedAirflow]:
    airflow = ScriptedAirflow()
    airflow.start()
    try:
        yield airflow
    finally:
        airflow.stop()


def seconds_of(action: Callable[[], Any]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began
