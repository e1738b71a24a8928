"""One table for what Slack, the network and the SDK make of a call: every odd answer is worth another try, and no surprise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.core.errors import Permanent, Temporary
from bot.slack.api.client import called


def raising(error: Exception) -> Any:
    def call(**_: object) -> None:
        raise error

    return call


@pytest.mark.parametrize("data", ["x", [], None, 5, b"PK", "<html></html>"])
def test_an_answer_that_is_no_object_is_tried_again(data: object) -> None:
    with pytest.raises(Temporary) as told:
        called(lambda: SimpleNamespace(data=data))
    assert told.value.acted is None, "it may have been done"


@pytest.mark.parametrize(
    "error", [AttributeError("get"), TypeError("x"), KeyError("ok"), ValueError("no JSON"), OSError(5)]
)
def test_what_the_sdk_stumbles_over_is_tried_again(error: Exception) -> None:
    with pytest.raises(Temporary):
        called(raising(error))


@pytest.mark.parametrize(
    "response",
    [{"ok": False, "error": "Received a response in a non-JSON format: <html>"}, {"status": 502, "body": "<html>"}, {}, "x",
     SimpleNamespace(data={"error": ["a", "list"]}, status_code=200, headers={}),
     SimpleNamespace(data="<html>", status_code=200, headers=None)],
)  # fmt: skip
def test_a_page_of_what_stands_in_between_is_no_word_of_slacks(response: Any) -> None:
    with pytest.raises(Temporary):
        called(raising(SlackApiError("failed", response)))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("about", ["text", [], {"messages": "text"}, {"messages": [1, {}]}, None])
def test_slacks_own_word_stays_its_word_whatever_comes_with_it(about: object) -> None:
    data = {"ok": False, "error": "channel_not_found", "response_metadata": about}
    with pytest.raises(Permanent) as told:
        called(raising(SlackApiError("failed", SimpleNamespace(data=data, status_code=200, headers={}))))  # type: ignore[no-untyped-call]
    assert told.value.code == "channel_not_found"
