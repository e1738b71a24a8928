"""response_url: the address with which an app answers one command or press, five times within half an hour.

`replace_original` also works on an ephemeral message, which chat.update can't edit. A used-up or expired address
answers 404 and changes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bot.sandbox.slack.rules import compose
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.response_urls import Address

if TYPE_CHECKING:
    from bot.sandbox.slack.state.workspace import Workspace


def use(workspace: Workspace, key: str, body: dict[str, Any]) -> None:
    """Applies what an app posts to its response_url. Raises SlackError `used_url` / `expired_url` with status 404."""
    address = workspace.answers.addresses.get(key)
    limits = workspace.config.limits
    if address is None or time.monotonic() - address.born > limits.answer_life:
        raise SlackError("expired_url", status=404)
    if address.uses >= limits.answer_uses:
        raise SlackError("used_url", status=404)
    address.uses += 1
    apply(workspace, address, body)


def apply(workspace: Workspace, address: Address, body: dict[str, Any]) -> None:
    """Deletes, replaces or answers; the body of an ack has the same meaning."""
    original = workspace.messages.find(address.channel_id, address.message_ts or "")
    if body.get("delete_original"):
        if original:
            workspace.messages.delete(original)
        return
    content = compose.content(body)
    if body.get("replace_original") and original:
        workspace.messages.edit(original, **content.changes())
        return
    ephemeral_to = None if body.get("response_type") == "in_channel" else address.user
    workspace.messages.post(
        address.channel_id,
        seed.BOT_USER,
        content,
        ephemeral_to=ephemeral_to,
        thread_ts=body.get("thread_ts"),
    )
