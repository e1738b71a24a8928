"""A small Bolt app as any stranger would write it: it knows the workspace by its address and its tokens alone."""

from __future__ import annotations

import logging
import threading
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
            for handler in handlers:
                threading.Thread(target=handler.close).start()
