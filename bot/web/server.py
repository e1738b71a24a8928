"""The HTTP server: uvicorn, with limits on connections, heads, bodies and time."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bot.web.connection import Connection, end_late
from bot.web.routes import HEAD_BYTES

IDLE_SECONDS = 75  # between two requests; a sender's own pool keeps a connection for about a minute
CONNECTIONS = 512
GRACE_SECONDS = 5


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.05), stop=stop_after_delay(3), reraise=True)
def listening(host: str, port: int) -> socket.socket:
    """Opens the bot's port. Retries for 3 s, while a previous process may be stopping; then raises OSError."""
    # if the protocol is given, asyncio disables Nagle's algorithm; otherwise each answer waits 40 ms
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class Server(uvicorn.Server):
    """Ends late connections once a second."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            end_late(cast("Iterable[Connection]", self.server_state.connections))
        return await super().on_tick(counter)


def server(app: ASGIApp, **more: Any) -> Server:
    """A server for this application, not yet started."""
    # the other half of the descriptors is for Slack, Airflow and the store
    most = min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
    return Server(uvicorn.Config(
        app, http=type("LimitedConnection", (Connection,), {"limit": most}), ws="none", lifespan="off", log_level="error",
        access_log=False, proxy_headers=False, server_header=False, h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=IDLE_SECONDS, timeout_graceful_shutdown=GRACE_SECONDS,
        headers=[("X-Content-Type-Options", "nosniff")], **more,
    ))  # fmt: skip
