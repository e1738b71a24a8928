"""conversations.*: channels, their members, their messages.

The bot reads back whether a post arrived: history with `include_all_metadata`, newest first, without replies. Ephemeral
messages are never in a history.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import TIER_2, TIER_3, TIER_4, Call, Method
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.messages import Message

READ = ("channels:read",)
HISTORY = ("channels:history",)


def list_(call: Call) -> dict[str, Any]:
    types = call.text("types", "public_channel").split(",")
    skip_archived = call.flag("exclude_archived")
    rows = [
        channel.api()
        for channel in call.workspace.directory.channels.values()
        if ("im" if channel.person else "public_channel") in types and not (skip_archived and channel.archived)
    ]
    channels, cursor = call.page(rows)
    return {"channels": channels, "response_metadata": cursor}


def info(call: Call) -> dict[str, Any]:
    return {"channel": call.channel().api()}


def history(call: Call) -> dict[str, Any]:
    channel = call.channel()
    if seed.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    told = [m for m in call.workspace.messages.public(channel.id) if not m.thread_ts or m.broadcast]
    rows = [_told(call, m) for m in reversed(told) if _between(call, m)]
    messages, cursor = call.page(rows)
    more = bool(cursor["next_cursor"])
    return {"messages": messages, "has_more": more, "pin_count": len(channel.pins), "response_metadata": cursor}


def replies(call: Call) -> dict[str, Any]:
    channel = call.channel()
    if seed.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    parent = call.workspace.messages.find(channel.id, call.needed("ts"))
    if parent is None or parent.ephemeral_to:
        raise SlackError("thread_not_found")
    answers = call.workspace.messages.replies(channel.id, parent.ts)
    rows = [_told(call, m) for m in [parent, *answers] if m is parent or _between(call, m)]
    messages, cursor = call.page(rows)
    return {"messages": messages, "has_more": bool(cursor["next_cursor"]), "response_metadata": cursor}


def open_(call: Call) -> dict[str, Any]:
    user = call.workspace.directory.user(call.text("users").split(",")[0])
    if user is None:
        raise SlackError("user_not_found")
    return {"channel": call.workspace.directory.direct(user["id"]).api()}


def join(call: Call) -> dict[str, Any]:
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_archived")
    if seed.BOT_USER not in channel.members:
        channel.members.append(seed.BOT_USER)
    return {"channel": channel.api()}


def members(call: Call) -> dict[str, Any]:
    found, cursor = call.page(call.channel().members)
    return {"members": found, "response_metadata": cursor}


def _between(call: Call, message: Message) -> bool:
    ts, oldest, latest = float(message.ts), _bound(call, "oldest", "0"), _bound(call, "latest", "inf")
    if call.flag("inclusive"):
        return oldest <= ts <= latest
    return oldest < ts < latest


def _bound(call: Call, name: str, default: str) -> float:
    try:
        return float(call.text(name) or default)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _told(call: Call, message: Message) -> dict[str, Any]:
    body = message.api(metadata=call.flag("include_all_metadata"))
    answers = call.workspace.messages.replies(message.channel_id, message.ts)
    if answers:
        users = list(dict.fromkeys(m.user for m in answers))
        body |= {"thread_ts": message.ts, "reply_count": len(answers), "reply_users": users}
        body |= {"reply_users_count": len(users), "latest_reply": answers[-1].ts}
    return body


METHODS = (
    Method("conversations.list", list_, READ, TIER_2),
    Method("conversations.info", info, READ, TIER_3),
    Method("conversations.history", history, HISTORY, TIER_3),
    Method("conversations.replies", replies, HISTORY, TIER_3),
    Method("conversations.open", open_, ("im:write",), TIER_3),
    Method("conversations.join", join, ("channels:join",), TIER_3),
    Method("conversations.members", members, READ, TIER_4),
)
