"""A small Bolt app as any stranger would write it: it knows the workspace by its address and its tokens alone."""

from __future__ import annotations

import gc
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.sandbox.slack.server import Running
from tests.sandbox.slack.waiting import eventually

CONNECTIONS = 2


@dataclass
class BoltApp:
    app: App
    client: WebClient
    sandbox: httpx.Client
    handlers: list[SocketModeHandler]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def command(self, text: str, user: str = "ana") -> dict[str, Any]:
        body = {"channel": "data-alerts", "user": user, "command": "/airflow", "text": text}
        return self.sandbox.post("/_sandbox/command", json=body).json()

    def click(self, ts: str, action_id: str, **more: Any) -> dict[str, Any]:
        body = {"channel": "data-alerts", "ts": ts, "action_id": action_id, "user": "ana", **more}
        return self.sandbox.post("/_sandbox/click", json=body).json()

    def submit(self, **values: Any) -> dict[str, Any]:
        return self.sandbox.post("/_sandbox/submit", json={"user": "ana", "values": values}).json()

    def messages(self, channel: str = "data-alerts") -> list[dict[str, Any]]:
        return self.sandbox.get("/_sandbox/messages", params={"channel": channel}).json()["messages"]

    def refreshing(self) -> bool:
        return bool(self.sandbox.get("/_sandbox/log").json()["refreshing"])

    def sockets(self) -> int:
        return self.sandbox.get("/_sandbox/log").json()["sockets"]


def bolt_app(slack: Running) -> App:
    logger = logging.getLogger("tests.bolt")
    logger.setLevel(logging.CRITICAL)
    client = WebClient(slack.config.bot_token, base_url=slack.api_url, proxy=None)
    return App(client=client, signing_secret=slack.config.signing_secret, logger=logger)


@contextmanager
def listening(slack: Running) -> Iterator[BoltApp]:
    app = bolt_app(slack)
    handlers = [SocketModeHandler(app, slack.config.app_token, ping_interval=1) for _ in range(CONNECTIONS)]
    for handler in handlers:
        handler.connect()
    with httpx.Client(base_url=slack.url, timeout=15, trust_env=False) as sandbox:
        bolt = BoltApp(app, app.client, sandbox, handlers)
        eventually(lambda: bolt.sockets() == CONNECTIONS, bolt.sockets)
        try:
            yield bolt
        finally:
            sandbox.post("/_sandbox/faults", json={"kind": "drop_sockets", "seconds": 60})
            close(handlers)


def close(handlers: list[SocketModeHandler]) -> None:
    """Close them all at once, and collect the sockets that slack_sdk leaves behind when it reconnects: their
    ResourceWarning would else fall on some later test."""
    for handler in handlers:
        handler.client.auto_reconnect_enabled = handler.client.default_auto_reconnect_enabled = False
    threads = [threading.Thread(target=_close, args=(handler,)) for handler in handlers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _close(handler: SocketModeHandler) -> None:
    try:
        handler.close()
    except AttributeError:  # slack_sdk's race: the server's end closed the socket between its look and its close
        handler.close()
