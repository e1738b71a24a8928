"""People, user groups, channels, and their members.

A channel may be named `#data-alerts`, `data-alerts`, `C0ALERTS`, or by a person, which means a direct message. Names
are resolved only here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.state import seed


@dataclass
class Channel:
    id: str
    name: str
    purpose: str = ""
    archived: bool = False
    members: list[str] = field(default_factory=list)
    person: str | None = None
    topic: str = ""
    bookmarks: list[dict[str, Any]] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    def api(self) -> dict[str, Any]:
        if self.person:
            return {"id": self.id, "is_im": True, "user": self.person, "is_archived": False, "created": 1795000000}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": False,
            "is_archived": self.archived,
            "is_general": self.name == "general",
            "is_member": seed.BOT_USER in self.members,
            "created": 1795000000,
            "creator": "U0ANA",
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": "", "last_set": 0},
            "num_members": len(self.members),
            "context_team_id": seed.TEAM["id"],
        }


class Directory:
    def __init__(self) -> None:
        self.users = seed.users()
        self.usergroups = seed.usergroups()
        self.channels = {row["id"]: Channel(**row) for row in seed.channels()}

    def channel(self, name: str) -> Channel | None:
        """By id, by name with or without `#`, or the direct message with a person by their id; None if there is
        none."""
        if name in self.channels:
            return self.channels[name]
        if name in self.users:
            return self.direct(name)
        bare = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == bare and not c.person), None)

    def direct(self, user_id: str) -> Channel:
        """The direct message between the bot and this person, created on first use."""
        channel_id = f"D{user_id[1:]}"
        if channel_id not in self.channels:
            members = [user_id, seed.BOT_USER]
            self.channels[channel_id] = Channel(channel_id, "directmessage", members=members, person=user_id)
        return self.channels[channel_id]

    def user(self, name: str) -> dict[str, Any] | None:
        """By id, or by a name such as `ana`; None if there is none."""
        if name in self.users:
            return self.users[name]
        bare = name.removeprefix("@").lower()
        return next((u for u in self.users.values() if u["name"] == bare), None)

    def by_email(self, email: str) -> dict[str, Any] | None:
        return next((u for u in self.users.values() if u["profile"].get("email") == email.lower()), None)
