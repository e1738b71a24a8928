"""The meaning of an app's ack of a view_submission: close, clear, errors, update or push.

An error for a block that is not an input is refused as an invalid view is; the real Slack shows nothing, and the person
is stuck.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.methods.views import checked
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state.workspace import Workspace


def obey(workspace: Workspace, user: str, view: dict[str, Any], ack: Any) -> dict[str, str]:
    """Applies the ack. Returns the errors to show under the inputs, if any. Raises SlackError for an invalid ack."""
    ack = ack or {}
    action = ack.get("response_action")
    modals = workspace.modals
    if action == "errors":
        return _errors(view, ack.get("errors"))
    if action == "update":
        modals.update(view["id"], checked(ack.get("view"), "modal"), None)
    elif action == "push":
        modals.push(user, checked(ack.get("view"), "modal"))
    elif action in (None, "clear"):
        modals.close(user, everything=action == "clear")
    else:
        raise SlackError("invalid_response_action")
    workspace.live.tell("view", user=user)
    return {}


def _errors(view: dict[str, Any], errors: Any) -> dict[str, str]:
    fields = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or set(errors) - fields:
        raise SlackError("invalid_errors")
    return {str(block): str(sentence) for block, sentence in errors.items()}
