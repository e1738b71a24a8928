"""chat.*: post, edit, delete, post ephemerally, get permalinks.

A post above one message a second in a channel is refused before anything is stored. Only the bot's own, public messages
can be edited or deleted.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import TIER_3, TIER_4, Call, Method
from bot.sandbox.slack.rules import compose
from bot.sandbox.slack.rules.errors import SlackError, ratelimited
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.messages import Message


def post_message(call: Call) -> dict[str, Any]:
    channel = call.channel(to_write=True)
    content = compose.content(call.arguments)
    thread_ts = _thread(call, channel.id)
    if wait := call.workspace.pace.wait_for_post(channel.id):
        raise ratelimited(wait)
    message = call.workspace.messages.post(
        channel.id,
        seed.BOT_USER,
        content,
        thread_ts=thread_ts,
        broadcast=bool(thread_ts) and call.flag("reply_broadcast"),
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.api(metadata=True)}


def post_ephemeral(call: Call) -> dict[str, Any]:
    channel = call.channel(to_write=True)
    user = call.workspace.directory.user(call.needed("user"))
    if user is None or user["id"] not in channel.members:
        raise SlackError("user_not_in_channel")
    content = compose.content(call.arguments)
    message = call.workspace.messages.post(
        channel.id, seed.BOT_USER, content, thread_ts=_thread(call, channel.id), ephemeral_to=user["id"]
    )
    return {"message_ts": message.ts}


def update(call: Call) -> dict[str, Any]:
    channel = call.channel(to_write=True)
    message = _own(call, channel.id, "cant_update_message")
    content = compose.content(call.arguments)
    call.workspace.messages.edit(message, **content.changes())
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.api(metadata=True)}


def delete(call: Call) -> dict[str, Any]:
    channel = call.channel()
    message = _own(call, channel.id, "cant_delete_message")
    call.workspace.messages.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def permalink(call: Call) -> dict[str, Any]:
    channel = call.channel()
    ts = call.needed("message_ts")
    if _public(call, channel.id, ts) is None:
        raise SlackError("message_not_found")
    path = f"/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": f"{call.workspace.url}{path}"}


def _thread(call: Call, channel_id: str) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    parent = _public(call, channel_id, thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    return parent.thread_ts or thread_ts


def _own(call: Call, channel_id: str, refusal: str) -> Message:
    message = _public(call, channel_id, call.needed("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != seed.BOT_USER:
        raise SlackError(refusal)
    return message


def _public(call: Call, channel_id: str, ts: str) -> Message | None:
    message = call.workspace.messages.find(channel_id, ts)
    return message if message and message.ephemeral_to is None else None


METHODS = (
    Method("chat.postMessage", post_message, ("chat:write",), 300),
    Method("chat.postEphemeral", post_ephemeral, ("chat:write",), TIER_4),
    Method("chat.update", update, ("chat:write",), TIER_3),
    Method("chat.delete", delete, ("chat:write",), TIER_3),
    Method("chat.getPermalink", permalink, (), 300),
)
