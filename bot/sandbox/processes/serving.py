"""How a sandbox server listens, prints its address, and ends: shared by the local Slack and the local PagerDuty.

A killed launcher would leave its children behind; with `die_with_parent` the kernel ends them too. The server binds
before it prints its address, so that a reader can connect at once; a signal ends it at once.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from bot.sandbox.processes.drop_connection import KeepsTransport

if TYPE_CHECKING:
    from starlette.applications import Starlette

PR_SET_PDEATHSIG = 1
GRACE = 1
STOP = 10.0


class Server(uvicorn.Server):
    """Ends at once on a signal; if stopped from within, it first lets the app end its open streams
    (`state.on_stop`)."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(_config(app))
        self.on_stop: Callable[[], None] | None = getattr(app.state, "on_stop", None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.on_stop:
            self.on_stop()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        os._exit(0)


@contextmanager
def bound(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket and its address; port 0 takes a free one."""
    # If the protocol is given, asyncio disables Nagle's algorithm; otherwise each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
        yield listener, f"http://{host}:{listener.getsockname()[1]}"
    finally:
        listener.close()


@contextmanager
def in_thread(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """Serves in a thread of this process until the block ends."""
    server = Server(app)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STOP)


def forever(
    app: Starlette, listener: socket.socket, url: str, *, as_json: bool = True, ready_file: Path | None = None
) -> None:
    """Prints the address, then serves until a signal arrives."""
    print(json.dumps({"url": url}) if as_json else f"listening on {url}", flush=True)
    if ready_file:
        ready_file.write_text(json.dumps({"url": url}))
    Server(app).run([listener])


def die_with_parent() -> None:
    """Asks the kernel (Linux) for a SIGTERM when the parent dies."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        KeepsTransport(app),
        loop="asyncio",
        ws="websockets-sansio",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
