"""auth.test, api.test, team.info, apps.connections.open: identity, workspace, sockets.

api.test with an `error` argument answers with that error. A ticket opens one socket, once.
"""

from __future__ import annotations

import uuid
from typing import Any

from bot.sandbox.slack.call import TIER_3, Call, Method
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed


def auth_test(call: Call) -> dict[str, Any]:
    return {
        "url": f"{call.workspace.url}/",
        "team": seed.TEAM["name"],
        "user": "windsock",
        "team_id": seed.TEAM["id"],
        "user_id": seed.BOT_USER,
        "bot_id": seed.BOT_ID,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> dict[str, Any]:
    if error := call.text("error"):
        raise SlackError(error, args=call.arguments)
    return {"args": call.arguments}


def team_info(call: Call) -> dict[str, Any]:
    del call
    return {"team": {**seed.TEAM, "email_domain": "example.com", "icon": {"image_default": True}}}


def open_connection(call: Call) -> dict[str, Any]:
    ticket = uuid.uuid4().hex
    call.workspace.tickets.add(ticket)
    address = call.workspace.url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={ticket}&app_id={seed.APP_ID}"}


METHODS = (
    Method("auth.test", auth_test, (), 300),
    Method("api.test", api_test, (), 300, token="none"),  # noqa: S106 - a kind, not a secret
    Method("team.info", team_info, ("team:read",), TIER_3),
    Method("apps.connections.open", open_connection, (), TIER_3, token="app"),  # noqa: S106
)
