"""A whole bot behind real sockets, with every door open: HTTP, Slack's signed forms, PagerDuty's signed webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.scenarios.room import Room, a_room

PAGERDUTY_SECRET = "a secret for webhooks"
FINE = 500  # the first status that a sender must not see for what they sent


@dataclass
class Door:
    """Requests as each kind of sender makes them, and what came of them."""

    room: Room
    http: httpx.Client
    errors: list[logging.LogRecord]
    folder: Path

    def slack(self, body: bytes, content_type: str = "application/x-www-form-urlencoded") -> httpx.Response:
        """Signed as Slack does."""
        stamp = str(int(time.time()))
        signed = hmac.new(b"sandbox-signing-secret", b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed}",
            "Content-Type": content_type,
        }
        return self.http.post("/slack/events", content=body, headers=headers)

    def interaction(self, payload: Any) -> httpx.Response:
        return self.slack(urlencode({"payload": json.dumps(payload)}).encode())

    def pagerduty(self, body: bytes) -> httpx.Response:
        signature = hmac.new(PAGERDUTY_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return self.http.post("/v1/pagerduty", content=body, headers={"X-PagerDuty-Signature": f"v1={signature}"})

    def rows(self) -> dict[str, int]:
        """How many rows each table has that a request may write to."""
        tables = ("signals", "incidents", "entries", "plans", "remediations", "silences", "heard")
        with closing(sqlite3.connect(self.folder / "windsock.db")) as store:
            return {name: store.execute(f"select count(*) from {name}").fetchone()[0] for name in tables}

    def said_wrong(self) -> list[str]:
        """What the bot logged as a fault of its own."""
        return [
            f"{record.name}: {record.getMessage()[:300]} {record.exc_info and record.exc_info[1]!r}"
            for record in self.errors
        ]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder, errors = tmp_path_factory.mktemp("fuzz"), list[logging.LogRecord]()
    keeper = logging.Handler(logging.ERROR)
    keeper.emit = errors.append  # type: ignore[method-assign]
    with a_room(folder, mode="http", PAGERDUTY__WEBHOOK_SECRET=PAGERDUTY_SECRET) as room:
        room.report()
        room.expect("sales_daily.load failed")
        logging.getLogger().addHandler(keeper)
        token = room.get("/v1/incidents").request.headers["Authorization"]
        with httpx.Client(base_url=room.url, timeout=30, headers={"Authorization": token}, trust_env=False) as http:
            yield Door(room, http, errors, folder)
        logging.getLogger().removeHandler(keeper)
