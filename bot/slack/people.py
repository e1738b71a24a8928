"""Who a Slack user is: the first name that messages use, and the user groups that roles are given to.

Hard case: Slack cannot be asked. The name falls back to what the request brought, and the groups to none: closed, not
open. Rule: what was learnt is kept for a few minutes, so that a click asks Slack for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from slack_sdk.web import WebClient

from bot.core.access import Person
from bot.core.errors import Permanent, Temporary
from bot.slack.calls import called

KEPT_SECONDS = 300.0


class People:
    """`groups` are the user groups (`S…`) that the access table names."""

    def __init__(self, client: WebClient, groups: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._groups, self._clock = client, tuple(groups), clock
        self._names: dict[str, tuple[float, str]] = {}
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def person(self, user_id: str, given_name: str = "") -> Person:
        """The person behind a user id; `given_name` is what the request called them."""
        groups = frozenset(group for group in self._groups if user_id in self._members_of(group))
        return Person(user_id, self.name(user_id) or given_name or user_id, groups)

    def name(self, user_id: str) -> str:
        """The first name, empty when Slack does not tell."""
        kept = self._names.get(user_id)
        if kept and kept[0] > self._clock():
            return kept[1]
        try:
            user = called(self._client.users_info, user=user_id).get("user") or {}
        except (Temporary, Permanent):
            return kept[1] if kept else ""
        name = _first_name(user)
        with self._lock:
            self._names[user_id] = (self._clock() + KEPT_SECONDS, name)
        return name

    def names(self, ids: Iterable[str]) -> list[str]:
        """Names for a refusal: people by name, groups by their mention."""
        return [
            f"<!subteam^{one}>" if one.startswith("S") else self.name(one) or f"<@{one}>" for one in ids if one != "*"
        ]

    def _members_of(self, group: str) -> frozenset[str]:
        kept = self._members.get(group)
        if kept and kept[0] > self._clock():
            return kept[1]
        try:
            answer = called(self._client.usergroups_users_list, usergroup=group)
        except (Temporary, Permanent):
            return frozenset()
        members = frozenset(answer.get("users") or ())
        with self._lock:
            self._members[group] = (self._clock() + KEPT_SECONDS, members)
        return members


def _first_name(user: dict[str, Any]) -> str:
    profile = user.get("profile") or {}
    whole = profile.get("first_name") or profile.get("display_name") or user.get("real_name") or user.get("name") or ""
    return str(whole).split(" ")[0]
