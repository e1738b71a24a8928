"""Who a Slack user is: what holds for five minutes, what is closed when Slack cannot be asked, and who is one of ours."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient

from bot.core.access import Access, No, Yes
from bot.core.roles import Role
from bot.slack.api.people import HELD_SECONDS, KEPT_SECONDS, QUIET_SECONDS, STRANGER, People

OURS = {"team_id": "T1", "url": "https://ours.example.com/"}
ANA = {"id": "U1", "team_id": "T1", "real_name": "Ana Lima", "profile": {"display_name": "Ana"}}


class Answer:
    """What the SDK hands back: data, a status, headers."""

    def __init__(self, data: dict[str, Any], status: int = 200) -> None:
        self.data, self.status_code, self.headers = data, status, {"Retry-After": "1"}


class PaperSlack:
    """Four methods of Slack's; `trouble` is what each call raises instead of an answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.trouble: dict[str, Exception] = {}
        self.users: dict[str, dict[str, Any]] = {"U1": ANA}
        self.members: dict[str, list[str]] = {"S1": ["U1"], "S2": []}

    def users_info(self, user: str) -> Answer:
        if user not in self.users:
            raise refused("user_not_found")
        return self._answer("users_info", {"user": self.users[user]})

    def usergroups_users_list(self, usergroup: str) -> Answer:
        return self._answer("groups", {"users": self.members[usergroup]})

    def usergroups_list(self) -> Answer:
        return self._answer("handles", {"usergroups": [{"id": "S1", "handle": "data-oncall"}]})

    def auth_test(self) -> Answer:
        return self._answer("auth_test", OURS)

    def _answer(self, what: str, data: dict[str, Any]) -> Answer:
        self.asked.append(what)
        if what in self.trouble:
            raise self.trouble[what]
        return Answer(data)


def refused(code: str, status: int = 200) -> SlackApiError:
    return SlackApiError(code, Answer({"ok": False, "error": code}, status))  # type: ignore[no-untyped-call]


class Now:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def slack() -> PaperSlack:
    return PaperSlack()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def people(slack: PaperSlack, now: Now) -> People:
    return People(cast(WebClient, slack), ["S1", "S2"], now)


def test_a_person_has_a_first_name_and_their_groups(people: People) -> None:
    person = people.person("U1", "ana.l")
    assert (person.id, person.name) == ("U1", "Ana")
    assert person.groups == {"S1"}
    assert (person.unasked, person.barred) == ("", "")


def test_for_five_minutes_a_click_asks_slack_for_nothing(people: People, slack: PaperSlack, now: Now) -> None:
    people.person("U1")
    slack.asked.clear()
    now.seconds = KEPT_SECONDS - 1
    slack.members["S1"] = []
    assert people.person("U1").groups == {"S1"}
    assert slack.asked == []
    now.seconds = KEPT_SECONDS + 1
    assert people.person("U1").groups == set(), "who left a group has its role for five minutes at most"


@pytest.mark.parametrize("trouble", [refused("internal_error", 500), refused("missing_scope")])
def test_when_slack_cannot_be_asked_what_was_learnt_holds_for_its_time_and_no_longer(
    people: People, slack: PaperSlack, now: Now, trouble: Exception
) -> None:
    people.person("U1")
    slack.trouble["groups"] = trouble
    now.seconds = KEPT_SECONDS - 1
    people.refresh()
    assert people.person("U1").groups == {"S1"}
    now.seconds = KEPT_SECONDS + QUIET_SECONDS
    late = people.person("U1")
    assert late.groups == set()
    assert late.unasked.startswith("Slack")
    assert late.name == "Ana"
    del slack.trouble["groups"]
    now.seconds += QUIET_SECONDS
    assert people.person("U1").groups == {"S1"}


def test_the_groups_are_asked_for_again_before_they_grow_old(people: People, slack: PaperSlack, now: Now) -> None:
    people.person("U1")
    now.seconds = KEPT_SECONDS - 10
    slack.members["S1"] = []
    people.refresh()
    assert people.person("U1").groups == set()


def test_after_slack_did_not_answer_the_next_one_does_not_wait_for_the_same(people: People, slack: PaperSlack) -> None:
    slack.trouble = dict.fromkeys(("groups", "users_info", "auth_test"), refused("internal_error", 500))
    people.person("U1")
    assert sorted(slack.asked) == ["groups", "users_info"]
    people.person("U2")
    assert len(slack.asked) == 2


@pytest.mark.parametrize(("user", "barred"), [
    (ANA | {"deleted": True}, "a deactivated account"),
    (ANA | {"is_bot": True}, "a bot"),
    (ANA | {"team_id": "T2"}, STRANGER),
    (ANA | {"is_stranger": True}, STRANGER),
    (ANA | {"team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}}, ""),
    (ANA, ""),
])  # fmt: skip
def test_nothing_is_taken_from_an_account_that_is_not_one_of_ours(
    people: People, slack: PaperSlack, user: dict[str, Any], barred: str
) -> None:
    slack.users["U1"] = user
    assert people.person("U1").barred == barred


def test_a_user_whom_the_workspace_does_not_know_is_a_stranger(people: People) -> None:
    assert people.person("U9").barred == STRANGER


def test_a_refusal_names_people_and_groups_and_rings_nobody(people: People) -> None:
    assert people.names(["U1", "S1", "*"]) == ["Ana"]
    assert people.handles(["U1", "S1", "S2"]) == ["data-oncall", "S2"]


def test_a_message_has_a_link(people: People) -> None:
    assert people.link("C1", "1795000000.000100") == "https://ours.example.com/archives/C1/p1795000000000100"
    assert people.link("C1") == "https://ours.example.com/archives/C1"
    assert people.link("") == ""


EVERYONE = Access({Role.responder: frozenset({"*"})})


@pytest.mark.parametrize("what", ["users_info", "auth_test"])
@pytest.mark.parametrize(
    "trouble",
    [refused("ratelimited", 429), refused("missing_scope"), refused("internal_error", 500), TimeoutError("no answer"),
     AttributeError("'str' object has no attribute 'get'"), ValueError("no JSON")],
)  # fmt: skip
def test_whoever_slack_cannot_be_asked_about_changes_nothing(
    people: People, slack: PaperSlack, what: str, trouble: Exception
) -> None:
    slack.trouble[what] = trouble
    person = people.person("U1", "ana")
    decided = EVERYONE.decide(person, "acknowledge")
    assert isinstance(decided, No)
    assert decided.reason.startswith("Slack could not be asked who you are (")
    assert decided.reason.endswith("Try again in a moment.")


@pytest.mark.parametrize("user", ["a text", [], None, 5])
def test_an_answer_of_another_shape_tells_nothing_of_a_person(people: People, slack: PaperSlack, user: Any) -> None:
    slack.users["U1"] = user
    assert people.person("U1", "ana").unknown
    assert people.person("U1", "ana").name == "ana"


def test_what_was_learnt_of_an_account_holds_for_an_hour_while_slack_is_away(
    people: People, slack: PaperSlack, now: Now
) -> None:
    assert not people.person("U1").unknown
    slack.trouble = {"users_info": refused("internal_error", 500), "groups": refused("internal_error", 500)}
    now.seconds = HELD_SECONDS - 1
    assert not people.person("U1").unknown
    now.seconds = HELD_SECONDS + 1
    assert people.person("U1").unknown


def test_a_guest_is_not_everybody_unless_the_table_says_so(people: People, slack: PaperSlack) -> None:
    for kind in ("is_restricted", "is_ultra_restricted"):
        slack.users["U7"] = ANA | {"id": "U7", kind: True}
        guest = People(cast(WebClient, slack), []).person("U7")
        assert isinstance(EVERYONE.decide(guest, "acknowledge"), No)
        assert isinstance(Access(EVERYONE.grants, guests=True).decide(guest, "acknowledge"), Yes)
        assert isinstance(Access({Role.responder: frozenset({"U7"})}).decide(guest, "acknowledge"), Yes)
    assert isinstance(EVERYONE.decide(people.person("U1"), "acknowledge"), Yes)


def test_the_requests_own_workspace_comes_first_and_costs_no_look_at_the_person(
    people: People, slack: PaperSlack
) -> None:
    people.person("U1")
    slack.asked.clear()
    assert people.person("U9", "mallory", team="T2").barred == STRANGER
    assert "users_info" not in slack.asked


def test_of_an_enterprise_slack_is_asked(slack: PaperSlack, now: Now) -> None:
    slack.users["U3"] = ANA | {"id": "U3", "team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}}
    whole = {**OURS, "enterprise_id": "E1"}
    people = People(cast(WebClient, slack), [], now)
    people._kept["workspace", ""] = (1e9, whole)
    assert not people.person("U3", team="T2").barred


def test_an_ack_does_not_wait_for_a_slack_that_hangs(people: People, slack: PaperSlack) -> None:
    answered = threading.Event()
    slack.users_info = lambda **_: answered.wait(20) and Answer({"user": ANA})  # type: ignore[assignment]
    began = time.monotonic()
    person = people.soon("U1", "ana", seconds=0.05)
    waited = time.monotonic() - began
    assert (person.name, person.unknown) == ("ana", "Slack does not answer")
    answered.set()
    assert waited < 10, "it did not wait for the answer"
    end = time.monotonic() + 10
    while people.soon("U1", "ana", seconds=1.0).unknown:
        assert time.monotonic() < end, "what came late is learnt all the same"


def hanging(slack: PaperSlack) -> threading.Event:
    """From now on Slack answers about people when the event is set."""
    answered = threading.Event()
    slack.users_info = lambda **_: answered.wait(20) and Answer({"user": ANA})  # type: ignore[assignment]
    return answered


def test_a_window_knows_within_the_hour_whom_a_command_knows(people: People, slack: PaperSlack, now: Now) -> None:
    people.person("U1")
    answered = hanging(slack)
    now.seconds = KEPT_SECONDS + 100
    assert not people.soon("U1", seconds=0.05).unknown
    now.seconds = HELD_SECONDS + 1
    assert people.soon("U1", seconds=0.05).unknown
    answered.set()


def test_whoever_asks_twice_while_slack_hangs_does_not_wait_twice(people: People, slack: PaperSlack) -> None:
    answered = hanging(slack)
    began = time.monotonic()
    people.soon("U1", seconds=0.5)
    once = time.monotonic() - began
    began = time.monotonic()
    for _ in range(20):
        assert people.soon("U1", seconds=0.5).unknown
    again = time.monotonic() - began
    answered.set()
    assert again < once, "twenty more cost less than the first"
