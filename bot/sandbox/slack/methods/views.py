"""views.*: open, push and update modals, publish the App Home.

If two updates race, one with a stale `hash` is a hash_conflict and changes nothing. A view is checked before its
trigger is used, and a trigger works once.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import TIER_4, Call, Method
from bot.sandbox.slack.rules import compose, limits
from bot.sandbox.slack.rules.errors import SlackError, invalid


def open_(call: Call) -> dict[str, Any]:
    view = checked(call.json("view", dict, "invalid_arguments"), "modal")
    user = call.workspace.modals.spend(call.needed("trigger_id"))
    return _told(call, user, call.workspace.modals.open(user, view))


def push(call: Call) -> dict[str, Any]:
    view = checked(call.json("view", dict, "invalid_arguments"), "modal")
    user = call.workspace.modals.spend(call.needed("trigger_id"))
    return _told(call, user, call.workspace.modals.push(user, view))


def update(call: Call) -> dict[str, Any]:
    view = checked(call.json("view", dict, "invalid_arguments"), "modal")
    modals = call.workspace.modals
    view_id = call.text("view_id") or modals.by_external_id(call.needed("external_id"))
    made = modals.update(view_id, view, call.text("hash") or None)
    return _told(call, modals.owner(view_id), made)


def publish(call: Call) -> dict[str, Any]:
    view = checked(call.json("view", dict, "invalid_arguments"), "home")
    user = call.workspace.directory.users.get(call.needed("user_id"))
    if user is None:
        raise SlackError("user_not_found")
    made = call.workspace.modals.publish(user["id"], view, call.text("hash") or None)
    call.workspace.live.tell("home", user=user["id"])
    return {"view": made}


def checked(view: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """The view with its blocks named. Raises SlackError invalid_arguments with the pointers, or view_too_large."""
    if view is None:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["missing required field: view"]})
    if view.get("type") != kind:
        raise invalid("invalid_arguments", [f"must be {kind} [json-pointer:/view/type]"])
    if faults := limits.view_faults(view):
        raise invalid("invalid_arguments", faults)
    if limits.too_large(view, limits.VIEW_BYTES):
        raise SlackError("view_too_large")
    compose.name_blocks(view["blocks"])
    return view


def _told(call: Call, user: str | None, view: dict[str, Any]) -> dict[str, Any]:
    call.workspace.live.tell("view", user=user)
    return {"view": view}


METHODS = (
    Method("views.open", open_, (), TIER_4),
    Method("views.push", push, (), TIER_4),
    Method("views.update", update, (), TIER_4),
    Method("views.publish", publish, (), TIER_4),
)
