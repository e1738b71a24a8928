"""One call of a method: its arguments as an app sent them, and how a method reads them.

`true`, `"true"`, `"1"` and `1` are all true, and a missing argument is not an empty one. A method is a function from a
call to a body; the token and the scopes were checked before.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.rules.compose import structure
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.directory import Channel
from bot.sandbox.slack.state.workspace import Workspace

TIER_2, TIER_3, TIER_4 = 20, 50, 100


@dataclass
class Call:
    workspace: Workspace
    arguments: dict[str, Any]

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def needed(self, name: str) -> str:
        if not (value := self.text(name)):
            raise SlackError("invalid_arguments", response_metadata={"messages": [f"missing required field: {name}"]})
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.arguments.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.arguments.get(name) or default)
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments") from None

    def json(self, name: str, kind: type, code: str) -> Any:
        return structure(self.arguments, name, kind, code)

    def channel(self, *, to_write: bool = False, name: str = "channel") -> Channel:
        """The channel that is named. Raises `channel_not_found`, and for writing also `not_in_channel`,
        `is_archived`."""
        channel = self.workspace.directory.channel(self.text(name))
        if channel is None:
            raise SlackError("channel_not_found")
        if to_write and channel.archived:
            raise SlackError("is_archived")
        if to_write and seed.BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def page(self, rows: list[Any], default: int = 100) -> tuple[list[Any], dict[str, Any]]:
        """The rows that `cursor` and `limit` select, and the response_metadata for the next page."""
        start = _opened(self.text("cursor"))
        size = min(max(1, self.number("limit", default)), 1000)
        more = start + size < len(rows)
        cursor = base64.b64encode(f"next:{start + size}".encode()).decode() if more else ""
        return rows[start : start + size], {"next_cursor": cursor}


@dataclass(frozen=True)
class Method:
    """A method of the Web API. `token` says which one it needs: the bot's, the app's, or none."""

    name: str
    call: Callable[[Call], dict[str, Any]]
    scopes: tuple[str, ...] = ()
    per_minute: int = TIER_3
    token: str = "bot"  # noqa: S105 - a kind, not a secret


def _opened(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise SlackError("invalid_cursor") from None
