"""files.*: the three steps of an upload; the second is a plain POST to the address from the first.

A file can be shared into a thread with blocks of its own. Nothing is shown before the upload is complete.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import TIER_4, Call, Method
from bot.sandbox.slack.rules import compose
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.files import File


def upload_url(call: Call) -> dict[str, Any]:
    length = call.number("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments")
    file = call.workspace.files.new(call.needed("filename"), length)
    return {"upload_url": f"{call.workspace.url}/upload/v1/{file.id}", "file_id": file.id}


def complete(call: Call) -> dict[str, Any]:
    named = call.json("files", list, "invalid_arguments") or []
    files = [_completed(call, row) for row in named]
    if not files:
        raise SlackError("invalid_arguments")
    told = [file.api(call.workspace.url) for file in files]
    for name in filter(None, (call.text("channel_id") or call.text("channels")).split(",")):
        _share(call, name, told)
    return {"files": told}


def _completed(call: Call, row: dict[str, Any]) -> File:
    file = call.workspace.files.files.get(str(row.get("id")))
    if file is None or file.data is None:
        raise SlackError("file_not_found")
    if len(file.data) != file.length:
        raise SlackError("file_upload_size_mismatch")
    file.title = str(row.get("title") or file.name)
    file.complete = True
    return file


def _share(call: Call, name: str, told: list[dict[str, Any]]) -> None:
    call.arguments["channel"] = name
    channel = call.channel(to_write=True)
    comment = {"text": call.text("initial_comment") or " ", "blocks": call.arguments.get("blocks")}
    message = call.workspace.messages.post(
        channel.id, seed.BOT_USER, compose.content(comment), thread_ts=call.text("thread_ts") or None
    )
    message.files = told
    message.text = message.text.strip()


METHODS = (
    Method("files.getUploadURLExternal", upload_url, ("files:write",), TIER_4),
    Method("files.completeUploadExternal", complete, ("files:write",), TIER_4),
)
