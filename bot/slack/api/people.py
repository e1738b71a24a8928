"""Who a Slack user is: first name, user groups with roles, and whether the account may use Windsock at all.

If Slack can't be asked, known groups stay valid for five minutes; after that the user is in none (fail closed), and a
refusal says why. Known facts about the account stay valid for an hour; without them the user is unknown and can't
change anything. The workspace in the request itself is checked first and costs no call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk.web import WebClient

from bot.core.access import EVERYBODY, Person
from bot.core.errors import Permanent, Temporary
from bot.slack.api.client import called

KEPT_SECONDS = 300.0
REFRESH_SECONDS = 180.0
HELD_SECONDS = 3_600.0  # how long known facts about an account stay valid while Slack can't be asked
QUIET_SECONDS = 2.0  # after Slack did not answer, callers don't wait for it again for this long
_NOT_OURS = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
STRANGER = "an account of another workspace"
SOON_SECONDS = 0.7  # for an ack that depends on the user; Slack waits three seconds for it
_Kept = tuple[float, Any]


@dataclass(frozen=True, slots=True)
class _Question:
    """A pending question to Slack about a person; `began` is on the monotonic clock."""

    future: Future[Person]
    began: float


class People:
    """`groups` are the user groups (`S…`) that the access table names."""

    def __init__(self, client: WebClient, groups: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._groups, self._clock = client, tuple(sorted(groups)), clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._quiet: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._askers = ThreadPoolExecutor(4, "slack people")
        self._under_way: dict[str, _Question] = {}

    def soon(self, user_id: str, given_name: str = "", team: str = "", seconds: float = SOON_SECONDS) -> Person:
        """Like `person`, with a time limit: a person whom Slack doesn't report in time is unknown for now."""
        asked = self._question(user_id, given_name, team)
        try:
            return asked.future.result(max(0.0, asked.began + seconds - time.monotonic()))
        except TimeoutError:
            return self.person(user_id, given_name, team, asking=False)

    def _question(self, user_id: str, given_name: str, team: str) -> _Question:
        """The pending question about the person, or a new one, so that concurrent callers share it."""
        with self._lock:
            asked = self._under_way.get(user_id)
            if asked is None or asked.future.done():
                asked = _Question(self._askers.submit(self.person, user_id, given_name, team), time.monotonic())
                self._under_way = {one: kept for one, kept in self._under_way.items() if not kept.future.done()}
                self._under_way[user_id] = asked
        return asked

    def person(self, user_id: str, given_name: str = "", team: str = "", *, asking: bool = True) -> Person:
        """The person with this user id; `given_name` and `team` (their workspace) come from the request. If `asking` is
        False, only known facts are used, while they are valid."""
        if self._is_elsewhere(team, asking=asking):
            return Person(user_id, given_name or user_id, barred=STRANGER)
        found, unasked = self._user(user_id, asking=asking)
        unknown = "" if found else unasked or "it says nothing of you"
        name, barred = (_first_name(found), self._barred(found, asking=asking)) if found else ("", "")
        if found and not barred and not self._workspace(asking=asking).get("team_id"):
            unknown = self._quiet.get("workspace", (0.0, ""))[1] or "it does not say which workspace this is"
        groups: set[str] = set()
        for group in self._groups:
            members, trouble = self._members_of(group, asking=asking)
            groups |= {group} if user_id in members else set()
            unasked = trouble or unasked
        return Person(
            user_id, name or given_name or user_id, frozenset(groups), unasked if self._groups else "", barred,
            "" if barred else unknown, bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
        )  # fmt: skip

    def _is_elsewhere(self, team: str, *, asking: bool) -> bool:
        """Whether the request names a workspace that is certainly a different one. An enterprise has many; then Slack
        is asked."""
        here = self._workspace(asking=asking) if team else {}
        return bool(here.get("team_id")) and team != here["team_id"] and not here.get("enterprise_id")

    def forget(self) -> None:
        """Forgets everything, so that Slack is asked again."""
        with self._lock:
            self._kept.clear()

    def name(self, user_id: str) -> str:
        """The first name, empty if Slack doesn't say."""
        return _first_name(self._user(user_id)[0])

    def names(self, ids: Iterable[str]) -> list[str]:
        """First names of the people among the ids; plain names, so no one is notified."""
        return [self.name(one) or one for one in ids if one != EVERYBODY and not one.startswith("S")]

    def handles(self, ids: Iterable[str]) -> list[str]:
        """Handles of the user groups among the ids, such as `data-oncall`."""
        groups = [one for one in ids if one.startswith("S")]
        if not groups:
            return []
        found, _ = self._asked("handles", "", lambda: _handles(called(self._client.usergroups_list)))
        return [str((found or {}).get(one) or one) for one in groups]

    def link(self, channel: str, ts: str = "") -> str:
        """The URL of a message or a channel; only its path if Slack doesn't report the workspace's URL."""
        here = self._workspace() if channel else {}
        path = f"archives/{channel}" + (f"/p{ts.replace('.', '')}" if ts else "")
        return f"{here.get('url', '')}{path}" if channel else ""

    def refresh(self) -> None:
        """Asks for the groups again before they expire; if Slack can't be asked, the known members stay valid until
        they expire."""
        for group in self._groups:
            self._members_of(group, anew=True)

    def _user(self, user_id: str, *, asking: bool = True) -> tuple[Mapping[str, Any], str]:
        """What Slack reports about the user, or reported within the hour."""
        found, trouble = self._asked("user", user_id, lambda: self._one(user_id), asking=asking)
        if found is None:
            until, learnt = self._kept.get(("user", user_id), (0.0, {}))
            found = learnt if self._clock() < until - KEPT_SECONDS + HELD_SECONDS else {}
        return found, trouble

    def _one(self, user_id: str) -> Mapping[str, Any]:
        try:
            user = called(self._client.users_info, user=user_id).get("user")
            if not isinstance(user, Mapping):
                raise Temporary("Slack's answer says nothing of the person")
            return user
        except Permanent as error:
            if error.code in _NOT_OURS:
                return {"is_stranger": True}
            raise

    def _barred(self, user: Mapping[str, Any], *, asking: bool) -> str:
        """Why nothing is accepted from the account; empty if it is a regular account of this workspace."""
        if user.get("deleted"):
            return "a deactivated account"
        if user.get("is_bot") or user.get("id") == "USLACKBOT":
            return "a bot"
        if user.get("is_stranger"):
            return STRANGER
        ours, theirs = self._workspace(asking=asking).get("team_id"), user.get("team_id")
        enterprise = user.get("enterprise_user") or {}
        elsewhere = ours and theirs and ours != theirs and ours not in (enterprise.get("teams") or ())
        return STRANGER if elsewhere else ""

    def _workspace(self, *, asking: bool = True) -> Mapping[str, Any]:
        ask = partial(called, self._client.auth_test)
        found, _ = self._asked("workspace", "", ask, KEPT_SECONDS * 12, asking=asking)
        return found or self._kept.get(("workspace", ""), (0.0, {}))[1] or {}

    def _members_of(self, group: str, *, anew: bool = False, asking: bool = True) -> tuple[frozenset[str], str]:
        """The members of a group, none if Slack can't be asked, and then the reason."""

        def ask() -> frozenset[str]:
            return frozenset(called(self._client.usergroups_users_list, usergroup=group).get("users") or ())

        found, trouble = self._asked("group", group, ask, anew=anew, asking=asking)
        return (found if found is not None else frozenset()), trouble

    def _asked(
        self, what: str, about: str, ask: Callable[[], Any], lasts: float = KEPT_SECONDS, *, anew: bool = False,
        asking: bool = True,
    ) -> tuple[Any, str]:  # fmt: skip
        """The known value while it is valid, otherwise Slack's answer: (None, reason) if Slack can't be asked."""
        kept, now = self._kept.get((what, about)), self._clock()
        fresh = kept is not None and kept[0] > now
        if kept is not None and fresh and not anew:
            return kept[1], ""
        if not asking:
            return None, "Slack does not answer"
        quiet, trouble = self._quiet.get(what, (0.0, ""))
        if now < quiet:
            return (kept[1], "") if kept is not None and fresh else (None, trouble)
        try:
            learnt = ask()
        except (Temporary, Permanent) as error:
            if isinstance(error, Temporary):
                self._quiet[what] = (self._clock() + QUIET_SECONDS, error.message)
            return (kept[1], "") if kept is not None and fresh else (None, error.message)
        with self._lock:
            self._kept[what, about] = (self._clock() + lasts, learnt)
        return learnt, ""


def _handles(answer: Mapping[str, Any]) -> dict[str, str]:
    return {str(group.get("id")): str(group.get("handle") or "") for group in answer.get("usergroups") or ()}


def _first_name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    whole = profile.get("first_name") or profile.get("display_name") or user.get("real_name") or user.get("name") or ""
    return str(whole).split(" ")[0]
