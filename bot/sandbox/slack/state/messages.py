"""A message, and the order of messages in a channel.

`ts` is the message's id, so it must be unique and increasing, even for two messages in one microsecond. An ephemeral
message is in the same list but is never returned by the Web API, as in Slack.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.state import seed


@dataclass
class Message:
    ts: str
    channel_id: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edits: int = 0
    edited_at: str | None = None
    ephemeral_to: str | None = None
    client_msg_id: str | None = None

    def api(self, *, metadata: bool = False) -> dict[str, Any]:
        """The message in the format of Slack's Web API and payloads."""
        body: dict[str, Any] = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        body["team"] = seed.TEAM["id"]
        if self.user == seed.BOT_USER:
            body |= {"bot_id": seed.BOT_ID, "app_id": seed.APP_ID, "bot_profile": bot_profile()}
        for name in ("blocks", "attachments", "thread_ts", "files", "client_msg_id"):
            if value := getattr(self, name):
                body[name] = value
        if self.broadcast:
            body["subtype"] = "thread_broadcast"
        if self.reactions:
            body["reactions"] = [{"name": n, "users": u, "count": len(u)} for n, u in self.reactions.items()]
        if self.edited_at:
            body["edited"] = {"user": self.user, "ts": self.edited_at}
        if metadata and self.metadata:
            body["metadata"] = self.metadata
        return body

    def all_blocks(self) -> list[dict[str, Any]]:
        """Its own blocks and those of its attachments: everything that can be pressed."""
        return self.blocks + [block for each in self.attachments for block in each.get("blocks", [])]

    def seen(self) -> dict[str, Any]:
        """The message for `/_sandbox/messages`, with what a person sees."""
        names = "ts thread_ts user text blocks attachments edits ephemeral_to files reactions broadcast metadata"
        return {name: getattr(self, name) for name in names.split()} | {"channel": self.channel_id}


class Clock:
    """Strictly increasing timestamps in Slack's format."""

    def __init__(self) -> None:
        self.last = 0

    def ts(self) -> str:
        self.last = max(self.last + 1, time.time_ns() // 1000)
        return f"{self.last // 1_000_000}.{self.last % 1_000_000:06d}"


def bot_profile() -> dict[str, Any]:
    return {
        "id": seed.BOT_ID,
        "deleted": False,
        "name": "Windsock",
        "updated": 1795000000,
        "app_id": seed.APP_ID,
        "user_id": seed.BOT_USER,
        "team_id": seed.TEAM["id"],
    }
