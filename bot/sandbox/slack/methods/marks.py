"""reactions.add, pins.add, bookmarks.add.

The same reaction or pin twice is refused with Slack's errors (`already_reacted`, `already_pinned`).
"""

from __future__ import annotations

import uuid
from typing import Any

from bot.sandbox.slack.call import TIER_2, TIER_3, Call, Method
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.messages import Message


def react(call: Call) -> dict[str, Any]:
    message = _message(call)
    people = message.reactions.setdefault(call.needed("name").strip(":"), [])
    if seed.BOT_USER in people:
        raise SlackError("already_reacted")
    people.append(seed.BOT_USER)
    call.workspace.live.tell("edit", channel=message.channel_id, ts=message.ts)
    return {}


def pin(call: Call) -> dict[str, Any]:
    channel, message = call.channel(), _message(call)
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    channel.pins.append(message.ts)
    return {}


def bookmark(call: Call) -> dict[str, Any]:
    call.arguments.setdefault("channel", call.text("channel_id"))
    channel = call.channel(to_write=True)
    made = {
        "id": f"Bk{uuid.uuid4().hex[:9].upper()}",
        "channel_id": channel.id,
        "title": call.needed("title"),
        "link": call.text("link"),
        "type": call.needed("type"),
        "emoji": call.text("emoji"),
        "app_id": seed.APP_ID,
    }
    channel.bookmarks.append(made)
    call.workspace.live.tell("channel", channel=channel.id)
    return {"bookmark": made}


def _message(call: Call) -> Message:
    message = call.workspace.messages.find(call.channel(to_write=True).id, call.needed("timestamp"))
    if message is None or message.ephemeral_to:
        raise SlackError("message_not_found")
    return message


METHODS = (
    Method("reactions.add", react, ("reactions:write",), TIER_3),
    Method("pins.add", pin, ("pins:write",), TIER_2),
    Method("bookmarks.add", bookmark, ("bookmarks:write",), TIER_2),
)
