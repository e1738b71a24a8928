"""The payloads that Slack sends to an app, field for field.

For a press in an ephemeral message, Slack does not send the message, only its container. Payloads are built from the
workspace's state; input is never trusted to identify a person.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.directory import Channel
from bot.sandbox.slack.state.messages import Message
from bot.sandbox.slack.state.workspace import Workspace

TOKEN = "sandbox-verification-token"  # noqa: S105 - Slack's legacy token, checked by no one


def slash(workspace: Workspace, channel: Channel, user: dict[str, Any], command: str, text: str) -> dict[str, Any]:
    return {
        "token": TOKEN,
        "team_id": seed.TEAM["id"],
        "team_domain": seed.TEAM["domain"],
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user["id"],
        "user_name": user["name"],
        "command": command,
        "text": text,
        "api_app_id": seed.APP_ID,
        "is_enterprise_install": "false",
        "response_url": workspace.url + workspace.answers.new(channel.id, user["id"]),
        "trigger_id": workspace.modals.new_trigger(user["id"]),
    }


def pressed_in_message(
    workspace: Workspace, message: Message, user: dict[str, Any], action: dict[str, Any], state: dict[str, Any]
) -> dict[str, Any]:
    channel = workspace.directory.channels[message.channel_id]
    body = _interaction(workspace, "block_actions", user) | {
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.ephemeral_to is not None,
        },
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": state},
        "response_url": workspace.url + workspace.answers.new(channel.id, user["id"], message.ts),
        "actions": [action],
    }
    if message.thread_ts:
        body["container"]["thread_ts"] = message.thread_ts
    return body if message.ephemeral_to else body | {"message": message.api(metadata=True)}


def pressed_in_view(
    workspace: Workspace, view: dict[str, Any], user: dict[str, Any], action: dict[str, Any], state: dict[str, Any]
) -> dict[str, Any]:
    return _interaction(workspace, "block_actions", user) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view | {"state": {"values": state}},
        "actions": [action],
    }


def submitted(
    workspace: Workspace, view: dict[str, Any], user: dict[str, Any], state: dict[str, Any]
) -> dict[str, Any]:
    view = view | {"state": {"values": state}}
    return _interaction(workspace, "view_submission", user) | {"view": view, "response_urls": []}


def closed(workspace: Workspace, view: dict[str, Any], user: dict[str, Any], *, cleared: bool) -> dict[str, Any]:
    body = _interaction(workspace, "view_closed", user)
    del body["trigger_id"]
    return body | {"view": view, "is_cleared": cleared}


def suggestion(
    workspace: Workspace, user: dict[str, Any], block_id: str, action_id: str, value: str, place: dict[str, Any]
) -> dict[str, Any]:
    body = _interaction(workspace, "block_suggestion", user)
    del body["trigger_id"]
    return body | {"block_id": block_id, "action_id": action_id, "value": value, **place}


def event(workspace: Workspace, inner: dict[str, Any]) -> dict[str, Any]:
    del workspace
    authorization = {
        "team_id": seed.TEAM["id"],
        "user_id": seed.BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": TOKEN,
        "team_id": seed.TEAM["id"],
        "api_app_id": seed.APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:9].upper()}",
        "event_time": int(time.time()),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
    }


def _interaction(workspace: Workspace, kind: str, user: dict[str, Any]) -> dict[str, Any]:
    person = {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": seed.TEAM["id"]}
    return {
        "type": kind,
        "team": {"id": seed.TEAM["id"], "domain": seed.TEAM["domain"]},
        "user": person,
        "api_app_id": seed.APP_ID,
        "token": TOKEN,
        "trigger_id": workspace.modals.new_trigger(user["id"]),
        "enterprise": None,
        "is_enterprise_install": False,
    }
