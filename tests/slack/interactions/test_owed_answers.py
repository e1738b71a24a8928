"""Answers that Slack could not take: said when it is back, in their order, once, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackClientError

from bot.core.errors import Permanent, Temporary
from bot.slack.interactions.owed_answers import KEPT_SECONDS, MOST, Owed


class Slack:
    """Away until it is told to be back; `heard` is what it took."""

    def __init__(self) -> None:
        self.away: object | None = Temporary("Slack is away")
        self.heard: list[str] = []

    def takes(self, words: str) -> Callable[[], object]:
        def call() -> object:
            if isinstance(self.away, Exception):
                raise self.away
            if self.away is not None:
                return self.away
            self.heard.append(words)
            return SimpleNamespace(status_code=200)

        return call


@pytest.fixture
def slack() -> Slack:
    return Slack()


@pytest.mark.parametrize(
    "away",
    [Temporary("503"), SlackClientError("no"), OSError("reset"), TimeoutError("late"), SimpleNamespace(status_code=500),  # type: ignore[no-untyped-call]
     SimpleNamespace(status_code=429), SimpleNamespace(status_code=502)],
)  # fmt: skip
def test_it_is_said_once_when_slack_is_back_and_in_its_order(slack: Slack, away: object) -> None:
    owed, slack.away = Owed(), away
    for words in ("first", "second", "third"):
        owed.say(slack.takes(words))
    owed.round()
    assert slack.heard == []
    slack.away = None
    owed.round()
    owed.round()
    assert slack.heard == ["first", "second", "third"]


def test_an_address_that_is_too_old_is_not_tried_and_the_channel_is_used(slack: Slack) -> None:
    now = [0.0]
    owed = Owed(lambda: now[0])
    owed.say(slack.takes("at the address"), slack.takes("in the channel"))
    now[0], slack.away = KEPT_SECONDS + 1, None
    owed.round()
    assert slack.heard == ["in the channel"]


@pytest.mark.parametrize("spent", [SimpleNamespace(status_code=404, body="expired_url"), ValueError("no response_url")])
def test_an_address_that_is_spent_holds_nobody_up(slack: Slack, spent: object) -> None:
    def dead() -> object:
        if isinstance(slack.away, Temporary):
            raise slack.away
        if isinstance(spent, Exception):
            raise spent
        return spent

    owed = Owed()
    for number in range(5):
        owed.say(dead, slack.takes(f"whispered {number}") if number != 2 else None)
    owed.say(slack.takes("at its own address"))
    slack.away = None
    for _ in range(3):
        owed.round()
    heard = ["whispered 0", "whispered 1", "whispered 3", "whispered 4", "at its own address"]
    assert sorted(slack.heard) == sorted(heard), "each of them once"
    owed.say(dead, slack.takes("at once"))
    assert slack.heard[-1] == "at once", "and where Slack is there it does not wait"


def test_some_that_slack_never_takes_hold_nobody_up(slack: Slack) -> None:
    def never() -> object:
        raise Temporary("it times out")

    owed = Owed()
    for _ in range(4):
        owed.say(never)
    owed.say(slack.takes("good"))
    slack.away = None
    owed.round()
    owed.round()
    assert slack.heard == ["good"]


def test_a_mistake_about_one_loses_no_other(slack: Slack, caplog: pytest.LogCaptureFixture) -> None:
    owed = Owed()

    def mistaken() -> object:
        if slack.away is None:
            raise TypeError("ours")
        raise Temporary("away")

    owed.say(mistaken)
    owed.say(slack.takes("second"))
    owed.say(slack.takes("third"))
    slack.away = None
    owed.round()
    assert slack.heard == ["second", "third"]
    assert "a person could not be answered" in caplog.text


def test_what_slack_refuses_for_good_holds_nobody_up(slack: Slack) -> None:
    owed = Owed()
    owed.say(slack.takes("first"))
    owed.say(slack.takes("second"))
    slack.away = Permanent("Slack: user_not_in_channel")
    owed.round()
    slack.away = None
    owed.round()
    assert slack.heard == []
    slack.away = Permanent("no")
    with pytest.raises(Permanent):
        owed.say(slack.takes("third"))


def test_a_long_outage_keeps_a_bounded_number(slack: Slack) -> None:
    owed = Owed()
    for number in range(MOST + 10):
        owed.say(slack.takes(str(number)))
    slack.away = None
    owed.round()
    assert len(slack.heard) == MOST
    assert slack.heard[-1] == str(MOST + 9)
