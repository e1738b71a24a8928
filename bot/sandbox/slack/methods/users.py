"""users.* and usergroups.*: who a user is, and who belongs to a group.

A bot without `users:read.email` gets people without addresses, not an error, as in Slack. A lookup by e-mail needs that
scope.
"""

from __future__ import annotations

import copy
from typing import Any

from bot.sandbox.slack.call import TIER_2, TIER_3, TIER_4, Call, Method
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed

EMAIL = "users:read.email"


def list_(call: Call) -> dict[str, Any]:
    rows = [_shown(call, user) for user in call.workspace.directory.users.values()]
    members, cursor = call.page(rows)
    return {"members": members, "cache_ts": 1795000000, "response_metadata": cursor}


def info(call: Call) -> dict[str, Any]:
    user = call.workspace.directory.users.get(call.text("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": _shown(call, user)}


def by_email(call: Call) -> dict[str, Any]:
    user = call.workspace.directory.by_email(call.text("email"))
    if user is None:
        raise SlackError("users_not_found")
    return {"user": _shown(call, user)}


def conversations(call: Call) -> dict[str, Any]:
    user_id = call.text("user", seed.BOT_USER)
    found = call.workspace.directory.channels.values()
    rows = [channel.api() for channel in found if user_id in channel.members and not channel.person]
    channels, cursor = call.page(rows)
    return {"channels": channels, "response_metadata": cursor}


def groups(call: Call) -> dict[str, Any]:
    left_out = set() if call.flag("include_users") else {"users"}
    found = call.workspace.directory.usergroups.values()
    return {"usergroups": [{name: value for name, value in g.items() if name not in left_out} for g in found]}


def group_users(call: Call) -> dict[str, Any]:
    group = call.workspace.directory.usergroups.get(call.needed("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group["users"]}


def _shown(call: Call, user: dict[str, Any]) -> dict[str, Any]:
    shown = copy.deepcopy(user)
    if EMAIL not in call.workspace.config.scopes:
        shown["profile"].pop("email", None)
    return shown


METHODS = (
    Method("users.list", list_, ("users:read",), TIER_2),
    Method("users.info", info, ("users:read",), TIER_4),
    Method("users.lookupByEmail", by_email, (EMAIL,), TIER_3),
    Method("users.conversations", conversations, ("channels:read",), TIER_3),
    Method("usergroups.list", groups, ("usergroups:read",), TIER_2),
    Method("usergroups.users.list", group_users, ("usergroups:read",), TIER_2),
)
