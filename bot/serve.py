"""`serve`: the bot, its pages on a path that only the door knows, and the door in front of both.

Hard case: the end. The pages are answered first, then the door closes, and what it took until then is kept. Rule: the bot is
reached through the door alone.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import tempfile
from collections.abc import Callable

import uvicorn

from bot.app import Windsock
from bot.door.keeper import Given, Keeper, listening
from bot.settings import Settings, WrongSettings
from bot.web.site import site

SWITCH_SECONDS = 0.0005  # a thread that works something out makes a listener of Slack's wait no longer than that


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens()


def serve(settings: Settings) -> None:
    """Runs the bot until it is told to end. Raises WrongSettings when it cannot be reached as they say."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with _folder() as folder:
        listener = _listener(settings)
        windsock = Windsock(settings)
        windsock.start()
        gc.collect()
        gc.freeze()  # what was loaded stays; to look through it again and again takes time from everybody
        path = os.path.join(folder, "bot")
        given = Given(windsock.desk.store.inbox, settings.server.signal_token.get_secret_value(), path)
        observer = windsock.intake.observer
        keeper = windsock.door = Keeper(listener, given, observer.wake, lambda: observer.upto)
        config = uvicorn.Config(
            site(windsock.edge()), uds=path, log_level="warning", access_log=False, lifespan="off", proxy_headers=False,
            timeout_graceful_shutdown=5, server_header=False, ws="none",
        )  # fmt: skip
        try:
            _Server(config, keeper.start).run()
        finally:
            keeper.stop()
            windsock.stop()


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where the bot listens for its door; nobody else may look into it."""
    try:
        return tempfile.TemporaryDirectory(prefix="windsock-", ignore_cleanup_errors=True)
    except OSError as error:
        raise WrongSettings(
            f"TMPDIR: no temporary folder can be written ({error}); mount one, a small one will do"
        ) from None


def _listener(settings: Settings) -> socket.socket:
    server = settings.server
    try:
        return listening(server.host, server.port)
    except OSError as error:
        raise WrongSettings(
            f"WINDSOCK_SERVER__PORT: {server.host}:{server.port} cannot be listened on: {error.strerror or error}"
        ) from None
