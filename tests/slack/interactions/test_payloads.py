"""What Slack sends is read or refused by its shape, never by an exception; answers go to Slack alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.interactions.payloads import Misshapen, check, is_slacks, read

API = "https://slack.com/api/"
COMMAND = {"command": "/airflow", "text": "help", "user_id": "U1", "channel_id": "C1", "trigger_id": "1"}
PRESS: dict[str, Any] = {
    "type": "block_actions", "user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T1"}, "trigger_id": "1",
    "actions": [{"action_id": "ack", "type": "button", "value": "1"}], "channel": {"id": "C1"},
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
}  # fmt: skip
SENT = {"type": "view_submission", "user": {"id": "U1"}, "view": {"id": "V1", "state": {"values": {"b": {"a": {}}}}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PRESS, *SENT, "state", "values", "id"]), inner),
    max_leaves=12,
)  # fmt: skip


def payload(value: Any) -> bytes:
    return b"payload=" + quote(json.dumps(value)).encode()


@pytest.mark.parametrize("value", [COMMAND, PRESS, SENT, {"type": "event_callback", "event": {"type": "app_home_opened"}},
                                   {"type": "url_verification", "challenge": "x"},
                                   {"type": "block_suggestion", "user": {"id": "U1"}, "action_id": "x", "value": "s"},
                                   {"type": "view_closed", "user": {"id": "U1"}, "view": {"id": "V1"}}])  # fmt: skip
def test_what_slack_sends_is_read(value: dict[str, Any]) -> None:
    check(value, API)


def test_a_form_and_json_are_read_alike() -> None:
    assert read(urlencode(COMMAND).encode(), "application/x-www-form-urlencoded") == COMMAND
    assert read(payload(PRESS), "application/x-www-form-urlencoded; charset=utf-8") == PRESS
    assert read(json.dumps(SENT).encode(), "application/json") == SENT


@pytest.mark.parametrize("body", [b"payload={not json", b"payload=[]", b"payload=5", b"payload=null", b"\xff", b"&" * 1_000,
                                  b"payload=" + b"[" * 100_000])  # fmt: skip
def test_a_form_that_cannot_be_read_is_said(body: bytes) -> None:
    with pytest.raises(Misshapen):
        check(read(body, "application/x-www-form-urlencoded"), API)


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null", b"", b"{", b"[" * 100_000])
def test_json_that_cannot_be_read_is_said(body: bytes) -> None:
    with pytest.raises(Misshapen):
        check(read(body, "application/json"), API)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"actions": []}, "actions"), ({"actions": None}, "actions"), ({"actions": [5]}, "actions[0]"), ({"user": 5}, "user"),
     ({"user": {}}, "user.id"), ({"channel": []}, "channel"), ({"type": 5}, "type"), ({"view": "x"}, "view"),
     ({"actions": [{}]}, "actions[0].action_id"), ({"actions": [{"action_id": "x", "selected_option": 5}]}, "selected_option"),
     ({"response_url": "http://10.0.0.5:8080/internal"}, "response_url"), ({"message": 7}, "message")],
)  # fmt: skip
def test_a_press_without_what_listeners_read_names_the_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Misshapen, match=field.replace("[", r"\[")):
        check(PRESS | change, API)


@given(JSON)
def test_whatever_the_shape_the_answer_is_a_sentence(value: Any) -> None:
    with suppress(Misshapen):  # any other exception fails the test
        check(value, API)


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.5:8080/internal", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://hooks.slack.com@evil.example/x",
     "https://evil.example/hooks.slack.com", "https://hooks.slack.com:8443/x", "file:///etc/passwd", "//hooks.slack.com/x",
     "https://[", 5, ["https://hooks.slack.com/"]],
)  # fmt: skip
def test_an_answer_goes_nowhere_but_to_slack(url: Any) -> None:
    assert not is_slacks(url, API)


def test_an_answer_goes_to_slack_or_where_the_api_is() -> None:
    assert is_slacks("https://hooks.slack.com/commands/T1/1/x", API)
    assert is_slacks("", API)
    assert is_slacks("http://127.0.0.1:5000/response/1", "http://127.0.0.1:5000/api/")
    assert not is_slacks("http://127.0.0.1:5001/response/1", "http://127.0.0.1:5000/api/")
