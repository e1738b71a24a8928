"""The response URLs that were issued: each works five times within thirty minutes, like Slack's."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from bot.sandbox.slack.state import seed


@dataclass
class Address:
    channel_id: str
    user: str
    born: float
    message_ts: str | None = None
    uses: int = 0


class Answers:
    def __init__(self) -> None:
        self.addresses: dict[str, Address] = {}

    def new(self, channel_id: str, user: str, message_ts: str | None = None) -> str:
        """Issues a new address and returns its path."""
        key = f"{seed.TEAM['id']}/{uuid.uuid4().hex}"
        self.addresses[key] = Address(channel_id, user, time.monotonic(), message_ts)
        return f"/actions/{key}"
