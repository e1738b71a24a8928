"""Whatever comes in by any door: never a 5xx for what a sender sent, never a fault of ours in the log, never a write for what
is refused."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.signals.signal import KINDS
from bot.slack.commands.registry import VERBS
from tests.fuzz.conftest import FINE, Door

TEXT = st.text(max_size=80) | st.sampled_from(
    ["", "A-1", "\0", "a" * 5_000, "<!channel>", "${x}", "..", "\ud800", "null", "1e999"]
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT.filter(lambda text: "\ud800" not in text)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
PATHS = ("/v1/signals", "/v1/alertmanager", "/v1/pagerduty", "/v1/incidents", "/v1/incidents/1", "/slack/events", "/runbooks",
         "/runbooks/x", "/livez", "/readyz", "/metrics", "/openapi.json")  # fmt: skip


def like(example: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects like this one: any field may be missing or anything."""
    fields = {
        name: (like(value) if isinstance(value, dict) else st.just(value)) | JSON for name, value in example.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


def is_fine(door: Door, status: int) -> None:
    assert 200 <= status < FINE, status
    assert door.said_wrong() == []


SIGNAL = {
    "v": 1, "kind": "task_failed", "deployment": "prod", "occurred_at": "2026-11-22T05:00:00Z", "dag_id": "d", "run_id": "r",
    "task_id": "t", "map_index": 0, "try_number": 1, "max_tries": 2, "state": "failed", "owner": "x", "tags": ["a"],
    "exception": {"type": "ValueError", "message": "m", "traceback": "t"}, "name": "n", "check": "c", "file": "f", "extra": {"a": 1},
}  # fmt: skip
ALERTS = {"version": "4", "status": "firing", "receiver": "x", "groupKey": "k", "commonLabels": {}, "alerts": [
    {"status": "firing", "labels": {"alertname": "Down", "dag_id": "d"}, "annotations": {"summary": "s"},
     "startsAt": "2026-11-22T05:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f", "generatorURL": "http://x"}]}  # fmt: skip
EVENT = {"event": {
    "id": "E", "event_type": "incident.resolved", "occurred_at": "2026-11-22T05:00:00Z", "agent": {"id": "P", "summary": "Ben B"},
    "data": {"id": "Q", "incident_key": "windsock-test-A-1"}}}  # fmt: skip
USER = {"id": "U0ANA", "name": "ana", "team_id": "T0WINDSOCK"}
PRESS = {
    "type": "block_actions", "user": USER, "team": {"id": "T0WINDSOCK"}, "trigger_id": "1.2", "channel": {"id": "C0ALERTS", "name": "x"},
    "container": {"type": "message", "message_ts": "1.2"}, "message": {"ts": "1.2"}, "view": {"id": "V1", "type": "modal",
    "private_metadata": "A-1", "callback_id": "silence", "state": {"values": {}}, "hash": "h"},
    "actions": [{"action_id": "acknowledge", "block_id": "b", "type": "button", "value": "A-1", "action_ts": "1.2"}],
}  # fmt: skip
SUBMIT = {
    "type": "view_submission", "user": USER, "team": {"id": "T0WINDSOCK"}, "trigger_id": "1.2", "view": {
        "id": "V1", "type": "modal", "callback_id": "silence", "private_metadata": "A-1", "hash": "h", "state": {"values": {
            "what": {"what": {"type": "radio_buttons", "selected_option": {"value": "dag:x"}}},
            "how-long": {"how-long": {"type": "static_select", "selected_option": {"value": "2h"}}},
            "reason": {"reason": {"type": "plain_text_input", "value": "because"}}}}},
}  # fmt: skip
ACTIONS = st.sampled_from(["acknowledge", "retry", "silence", "resolve", "runbook", "confirm", "approve", "take-back", "whole-list",
                           "stop", "run", "run-1", "dag", "run", "task", "escalate", "reopen", "cancel", "logs", "history"])  # fmt: skip
CALLBACKS = st.sampled_from(
    ["silence", "resolve", "escalate", "plan", "chooser", "trigger", "waiting", "answer", "nobody's"]
)
WORDS = st.sampled_from([verb.name for verb in VERBS]) | st.sampled_from(
    ["A-1", "A-99999999999999999999", "sales_daily", "sales_daily.load", "dag@run", "@", "..", "for", "2h", "conf={", "failed", "S-1"]
) | st.text(max_size=20)  # fmt: skip


@given(method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]),
       path=st.sampled_from(PATHS) | st.text(max_size=60).map(lambda text: "/" + quote(text.encode("utf-8", "replace"), safe="/?=&")),
       body=st.binary(max_size=300), kind=st.sampled_from(["application/json", "text/plain", "", "multipart/form-data; boundary=x"]))  # fmt: skip
def test_any_request_to_any_path(door: Door, method: str, path: str, body: bytes, kind: str) -> None:
    before = door.rows()
    answer = door.http.request(method, path, content=body, headers={"Content-Type": kind})
    is_fine(door, answer.status_code)
    if answer.status_code >= 400:
        assert door.rows() == before, "what is refused writes nothing"


@given(body=st.binary(max_size=400) | st.sampled_from([
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /v1/signals HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET " + b"/" * 9_000 + b" HTTP/1.1\r\n\r\n"]))  # fmt: skip
def test_any_bytes_on_the_wire(door: Door, body: bytes) -> None:
    where = (door.room.url.removeprefix("http://").split(":")[0], int(door.room.url.rsplit(":", 1)[1]))
    with socket.create_connection(where, timeout=20) as wire:
        wire.sendall(body)
        wire.shutdown(socket.SHUT_WR)
        said = b""
        while chunk := wire.recv(65_536):
            said += chunk
    assert b"HTTP/1.1 5" not in said.replace(b"HTTP/1.1 505", b"")
    is_fine(door, door.http.get("/livez").status_code)


@given(value=JSON | like(SIGNAL) | st.lists(like(SIGNAL), max_size=3).map(lambda many: {"signals": many}),
       kind=st.sampled_from(sorted(KINDS)) | TEXT)  # fmt: skip
def test_any_signal(door: Door, value: Any, kind: str) -> None:
    if isinstance(value, dict) and "kind" in value:
        value |= {"kind": kind.encode("utf-8", "replace").decode()}
    before = door.rows()["signals"]
    answer = door.http.post("/v1/signals", content=json.dumps(value), headers={"Content-Type": "application/json"})
    is_fine(door, answer.status_code)
    assert answer.status_code == 202 or door.rows()["signals"] == before


@given(value=JSON | like(ALERTS))
def test_any_alertmanager_body(door: Door, value: Any) -> None:
    is_fine(door, door.http.post("/v1/alertmanager", content=json.dumps(value)).status_code)


@given(value=JSON | like(EVENT), raw=st.none() | st.binary(max_size=60))
def test_any_webhook_of_pagerdutys(door: Door, value: Any, raw: bytes | None) -> None:
    is_fine(door, door.pagerduty(raw if raw is not None else json.dumps(value).encode()).status_code)


@given(value=JSON | like(PRESS) | like(SUBMIT), action=ACTIONS, callback=CALLBACKS)
def test_any_signed_interaction(door: Door, value: Any, action: str, callback: str) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("actions"), list) and value["actions"] and isinstance(value["actions"][0], dict):
            value["actions"] = [value["actions"][0] | {"action_id": action}]
        if isinstance(value.get("view"), dict):
            value["view"] = value["view"] | {"callback_id": callback}
    is_fine(door, door.interaction(value).status_code)


@given(fields=st.dictionaries(st.sampled_from(["command", "text", "user_id", "user_name", "channel_id", "team_id", "trigger_id",
                                               "response_url", "payload", "ssl_check"]), TEXT, max_size=9))  # fmt: skip
def test_any_signed_form(door: Door, fields: dict[str, str]) -> None:
    is_fine(
        door, door.slack(urlencode({k: v.encode("utf-8", "replace") for k, v in fields.items()}).encode()).status_code
    )


@given(value=JSON, raw=st.none() | st.binary(max_size=60))
def test_any_signed_event(door: Door, value: Any, raw: bytes | None) -> None:
    body = raw if raw is not None else json.dumps({"type": "event_callback", "event": value}).encode()
    is_fine(door, door.slack(body, "application/json").status_code)


@given(words=st.lists(WORDS, max_size=6))
def test_any_command(door: Door, words: list[str]) -> None:
    text = " ".join(words).encode("utf-8", "replace").decode()
    form = {"command": "/airflow", "text": text, "user_id": "U0ANA", "user_name": "ana", "channel_id": "C0ALERTS",
            "channel_name": "data-alerts", "team_id": "T0WINDSOCK", "trigger_id": "1.2"}  # fmt: skip
    is_fine(door, door.slack(urlencode(form).encode()).status_code)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_behind(door: Door) -> Any:
    """When all is over, the bot still answers, and what its threads logged late is no fault either."""
    yield
    door.room.say("/airflow whoami").expect_ephemeral("Ana")
    assert door.said_wrong() == []


def test_a_window_from_before_an_upgrade_is_answered(door: Door) -> None:
    view = SUBMIT["view"] | {"callback_id": "of an older version"}
    answer = door.interaction(SUBMIT | {"trigger_id": "9.9", "view": view})
    assert (answer.status_code, answer.json()["response_action"]) == (200, "update")
    assert "older" in answer.text or "old" in answer.text, answer.text
    assert door.said_wrong() == []
