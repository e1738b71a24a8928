"""The Slack app's manifest, for socket mode or for http mode."""

from __future__ import annotations

from typing import Any

SCOPES = (
    "app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write", "commands", "files:write",
    "groups:history", "groups:read", "usergroups:read", "users:read", "users:read.email",
)  # fmt: skip


def manifest(command: str = "/airflow", http_url: str = "") -> dict[str, Any]:
    """The manifest for Slack's app settings; for http mode if `http_url` (the bot's public base) is given."""
    events = f"{http_url.rstrip('/')}/slack/events"
    where = {"url": events} if http_url else {}
    request = {"request_url": events} if http_url else {}
    options = {"message_menu_options_url": events} if http_url else {}
    slash = {
        "command": command,
        "description": "Ask Windsock, or act on Airflow",
        "usage_hint": "help",
        "should_escape": True,
    }
    return {
        "display_information": {
            "name": "Windsock", "background_color": "#1c3f5c",
            "description": "Incident response for Apache Airflow: alerts that live, actions that are previewed",
        },
        "features": {
            "bot_user": {"display_name": "Windsock", "always_online": True},
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True},
            "slash_commands": [slash | where],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request, "bot_events": ["app_home_opened", "app_mention"]},
            "interactivity": {"is_enabled": True, **request, **options},
            "org_deploy_enabled": False, "socket_mode_enabled": not http_url, "token_rotation_enabled": False,
        },
    }  # fmt: skip
