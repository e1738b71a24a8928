"""Triggers, each person's open modals, and each person's App Home.

For a trigger that is used late or twice, Slack opens nothing, and the person sees a button without effect. A trigger
works once and for three seconds; a person has at most three views on top of each other.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import seed

STACK = 3


@dataclass
class Trigger:
    user: str
    born: float
    used: bool = False


class Modals:
    def __init__(self, trigger_life: float) -> None:
        self.trigger_life = trigger_life
        self.triggers: dict[str, Trigger] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, dict[str, Any]] = {}

    def new_trigger(self, user: str) -> str:
        trigger_id = f"{time.time_ns()}.{uuid.uuid4().hex[:12]}"
        self.triggers[trigger_id] = Trigger(user, time.monotonic())
        return trigger_id

    def spend(self, trigger_id: str) -> str:
        """The trigger's person; it works once. Raises SlackError if the trigger is unknown, expired or used."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() - trigger.born > self.trigger_life:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def open(self, user: str, view: dict[str, Any]) -> dict[str, Any]:
        for view_id in self.stacks.pop(user, []):
            self.views.pop(view_id, None)
        return self.push(user, view)

    def push(self, user: str, view: dict[str, Any]) -> dict[str, Any]:
        stack = self.stacks.setdefault(user, [])
        if len(stack) >= STACK:
            raise SlackError("push_limit_reached")
        self._alone(view)
        made = self._made(view, f"V{uuid.uuid4().hex[:10].upper()}")
        made["previous_view_id"] = stack[-1] if stack else None
        made["root_view_id"] = stack[0] if stack else made["id"]
        self.views[made["id"]] = made
        stack.append(made["id"])
        return made

    def update(self, view_id: str, view: dict[str, Any], hash_: str | None) -> dict[str, Any]:
        old = self.views.get(view_id)
        if old is None:
            raise SlackError("not_found")
        if hash_ and hash_ != old["hash"]:
            raise SlackError("hash_conflict")
        self._alone(view, view_id)
        made = self._made(view, view_id)
        made |= {name: old[name] for name in ("previous_view_id", "root_view_id")}
        self.views[view_id] = made
        return made

    def publish(self, user: str, view: dict[str, Any], hash_: str | None) -> dict[str, Any]:
        old = self.homes.get(user)
        if hash_ and old and hash_ != old["hash"]:
            raise SlackError("hash_conflict")
        made = self._made(view, old["id"] if old else f"V{uuid.uuid4().hex[:10].upper()}")
        made |= {"previous_view_id": None, "root_view_id": made["id"]}
        self.homes[user] = made
        return made

    def top(self, user: str) -> dict[str, Any] | None:
        stack = self.stacks.get(user)
        return self.views[stack[-1]] if stack else None

    def owner(self, view_id: str) -> str | None:
        return next((user for user, stack in self.stacks.items() if view_id in stack), None)

    def close(self, user: str, *, everything: bool = False) -> list[dict[str, Any]]:
        """Closes the top view, or all of them; returns the closed views, top first."""
        stack = self.stacks.get(user, [])
        going = stack[:] if everything else stack[-1:]
        self.stacks[user] = stack[: len(stack) - len(going)]
        return [self.views.pop(view_id) for view_id in reversed(going)]

    def by_external_id(self, external_id: str) -> str:
        for view_id, view in self.views.items():
            if view["external_id"] == external_id:
                return view_id
        raise SlackError("not_found")

    def _alone(self, view: dict[str, Any], view_id: str = "") -> None:
        """Raises SlackError if another view of the team has the same external_id."""
        named = [other["id"] for other in self.views.values() if other["external_id"] == view.get("external_id")]
        if view.get("external_id") and named not in ([], [view_id]):
            raise SlackError("duplicate_external_id")

    def _made(self, view: dict[str, Any], view_id: str) -> dict[str, Any]:
        blank = {
            "callback_id": "",
            "private_metadata": "",
            "external_id": "",
            "title": None,
            "submit": None,
            "close": None,
        }
        flags = {"clear_on_close": False, "notify_on_close": False}
        return {
            **blank,
            **flags,
            **view,
            "id": view_id,
            "team_id": seed.TEAM["id"],
            "state": {"values": {}},
            "hash": f"{time.time_ns() // 1_000_000_000}.{uuid.uuid4().hex[:8]}",
            "app_id": seed.APP_ID,
            "app_installed_team_id": seed.TEAM["id"],
            "bot_id": seed.BOT_ID,
        }
