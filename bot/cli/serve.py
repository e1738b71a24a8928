"""`serve`: the bot and its HTTP edge in one process."""

from __future__ import annotations

import gc
import socket
import sys

from bot.app.windsock import Windsock
from bot.config.settings import Settings, WrongSettings
from bot.web.routes import site
from bot.web.server import listening, server

SWITCH_SECONDS = 0.0005  # the longest time that a computing thread makes a Slack listener wait


def serve(settings: Settings) -> None:
    """Runs the bot until it is stopped. Raises WrongSettings if its port or its store isn't available."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with _listener(settings) as listener:
        windsock = Windsock(settings)
        windsock.start()
        gc.collect()
        gc.freeze()  # loaded objects stay; scanning them in every collection takes time from everything else
        try:
            server(site(windsock.edge())).run([listener])
        finally:
            windsock.stop()


def _listener(settings: Settings) -> socket.socket:
    host, port = settings.server.host, settings.server.port
    try:
        return listening(host, port)
    except OSError as error:
        raise WrongSettings(
            f"WINDSOCK_SERVER__PORT: {host}:{port} cannot be listened on: {error.strerror or error}"
        ) from None
