"""The people, groups and channels of a new workspace. All of it is sandbox data, with `example.com` and no real
names."""

from __future__ import annotations

from typing import Any

TEAM = {"id": "T0WINDSOCK", "name": "Windsock sandbox", "domain": "windsock-sandbox"}
APP_ID = "A0WINDSOCK"
BOT_ID = "B0WINDSOCK"
BOT_USER = "U0WINDSOCK"
SLACKBOT = "USLACKBOT"
DEFAULT_PERSON = "U0ANA"

_PEOPLE = (
    ("U0ANA", "ana", "Ana", "Ana Lima", "Europe/Lisbon", "Western European Time", 0),
    ("U0BEN", "ben", "Ben", "Ben Okafor", "Africa/Lagos", "West Africa Time", 3600),
    ("U0CLEO", "cleo", "Cleo", "Cleo Martin", "America/New_York", "Eastern Standard Time", -18000),
    ("U0DEV", "dev", "Dev", "Dev Rao", "Asia/Kolkata", "India Standard Time", 19800),
)
_CHANNELS = (
    ("C0ALERTS", "data-alerts", "Where Windsock says what is wrong", True, False),
    ("C0CRITICAL", "data-critical", "What rings somebody", True, False),
    ("C0ML", "ml-alerts", "Alerts of the models' DAGs", True, False),
    ("C0GENERAL", "general", "For everybody", True, False),
    ("C0RANDOM", "random", "The bot is not a member here", False, False),
    ("C0OLD", "old-alerts", "Archived", True, True),
)
_GROUPS = (
    ("S0DATAENG", "data-eng", "Data engineering", ("U0ANA", "U0BEN")),
    ("S0ONCALL", "data-oncall", "On call for data", ("U0ANA",)),
    ("S0ML", "ml-eng", "Machine learning", ("U0CLEO", "U0DEV")),
)


def users() -> dict[str, dict[str, Any]]:
    people = [_person(*row) for row in _PEOPLE]
    apps = [_app(BOT_USER, "windsock", "Windsock", BOT_ID), _app(SLACKBOT, "slackbot", "Slackbot", "B01")]
    return {user["id"]: user for user in people + apps}


def channels() -> list[dict[str, Any]]:
    everybody = [row[0] for row in _PEOPLE]
    return [
        {
            "id": channel_id,
            "name": name,
            "purpose": purpose,
            "archived": archived,
            "members": everybody + ([BOT_USER] if with_bot else []),
        }
        for channel_id, name, purpose, with_bot, archived in _CHANNELS
    ]


def usergroups() -> dict[str, dict[str, Any]]:
    return {
        group_id: {
            "id": group_id,
            "team_id": TEAM["id"],
            "is_usergroup": True,
            "is_subteam": True,
            "name": name,
            "handle": handle,
            "description": "",
            "is_external": False,
            "date_delete": 0,
            "users": list(members),
            "user_count": len(members),
        }
        for group_id, handle, name, members in _GROUPS
    }


def _person(user_id: str, name: str, shown: str, real: str, tz: str, label: str, offset: int) -> dict[str, Any]:
    profile = {"real_name": real, "display_name": shown, "email": f"{name}@example.com", "team": TEAM["id"]}
    zone = {"tz": tz, "tz_label": label, "tz_offset": offset}
    return {**_user(user_id, name, real, profile), **zone, "is_bot": False}


def _app(user_id: str, name: str, shown: str, bot_id: str) -> dict[str, Any]:
    profile = {"real_name": shown, "display_name": "", "bot_id": bot_id, "api_app_id": APP_ID, "team": TEAM["id"]}
    zone = {"tz": "Etc/UTC", "tz_label": "Coordinated Universal Time", "tz_offset": 0}
    return {**_user(user_id, name, shown, profile), **zone, "is_bot": True}


def _user(user_id: str, name: str, real: str, profile: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": user_id,
        "team_id": TEAM["id"],
        "name": name,
        "deleted": False,
        "real_name": real,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_app_user": False,
        "updated": 1795000000,
    }
