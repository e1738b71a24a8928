"""The local PagerDuty takes what PagerDuty takes, keeps one open incident a key, and tells of presses by signed webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.webdriver.common.by import By
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.pagerduty.server import Config, Running, running
from bot.sandbox.processes import serving
from tests.browser import chromium
from tests.sandbox.slack.waiting import eventually
from tests.sandbox.slack.wire import HTTP

KEY = "k" * 32
PAYLOAD = {"summary": "load failed", "source": "prod", "severity": "critical"}
EVENT = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "A-12", "payload": PAYLOAD}

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a short key", {"routing_key": "k" * 31}, "routing_key"),
    ("a long key", {"routing_key": "k" * 33}, "routing_key"),
    ("an unknown action", {"event_action": "shout"}, "event_action"),
    ("a long dedup_key", {"dedup_key": "x" * 256}, "dedup_key"),
    ("acknowledge without a key", {"event_action": "acknowledge", "dedup_key": None}, "dedup_key"),
    ("resolve with a blank key", {"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
    ("no payload", {"payload": None}, "payload"),
    ("a long summary", {"payload": {**PAYLOAD, "summary": "x" * 1025}}, "payload.summary"),
    ("no source", {"payload": {"summary": "x", "severity": "info"}}, "payload.source"),
    ("an unknown severity", {"payload": {**PAYLOAD, "severity": "fatal"}}, "payload.severity"),
    ("a link without an address", {"links": [{"text": "x"}]}, "links"),
    ("a word of ours", {"colour": "red"}, "colour"),
]
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("the longest summary", {"payload": {**PAYLOAD, "summary": "x" * 1024}}),
    ("the longest key", {"dedup_key": "x" * 255}),
    (
        "details and links",
        {"payload": {**PAYLOAD, "custom_details": {"a": 1}}, "links": [{"href": "https://x.example"}]},
    ),
]


@pytest.fixture
def pagerduty() -> Iterator[Running]:
    with running() as account:
        yield account


def send(account: Running, **changes: Any) -> httpx.Response:
    return HTTP.post(f"{account.url}/v2/enqueue", json={**EVENT, **changes})


def incidents(account: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = HTTP.get(f"{account.url}/_sandbox/incidents").json()["incidents"]
    return found


@pytest.mark.parametrize(("name", "changes", "field"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_event_is_refused_with_the_field(
    pagerduty: Running, name: str, changes: dict[str, Any], field: str
) -> None:
    answer = send(pagerduty, **changes)
    assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")
    assert any(f"'{field}'" in sentence for sentence in answer.json()["errors"]), answer.text
    assert incidents(pagerduty) == []


@pytest.mark.parametrize(("name", "changes"), TAKEN, ids=[row[0] for row in TAKEN])
def test_what_is_just_within_the_limits_is_taken(pagerduty: Running, name: str, changes: dict[str, Any]) -> None:
    answer = send(pagerduty, **changes)
    assert (answer.status_code, answer.json()["message"]) == (202, "Event processed")


def test_one_open_incident_a_key_and_a_new_one_after_resolve(pagerduty: Running) -> None:
    for action in ("trigger", "trigger", "acknowledge", "resolve", "resolve", "trigger"):
        assert send(pagerduty, event_action=action).status_code == 202
    told = [(i["status"], [e["action"] for e in i["events"]]) for i in incidents(pagerduty)]
    assert told == [("resolved", ["trigger", "trigger", "acknowledge", "resolve"]), ("triggered", ["trigger"])]


def test_an_unknown_key_is_dropped_silently_and_a_missing_one_is_made(pagerduty: Running) -> None:
    assert send(pagerduty, event_action="resolve", dedup_key="unknown").status_code == 202
    assert incidents(pagerduty) == []
    event = {name: value for name, value in EVENT.items() if name != "dedup_key"}
    made = HTTP.post(f"{pagerduty.url}/v2/enqueue", json=event).json()["dedup_key"]
    assert incidents(pagerduty)[0]["dedup_key"] == made


def test_more_than_120_events_a_minute_are_throttled(pagerduty: Running) -> None:
    statuses = [send(pagerduty, dedup_key=f"A-{n}").status_code for n in range(121)]
    assert statuses == [202] * 120 + [429]


def test_the_rest_api_wants_its_token(pagerduty: Running) -> None:
    right = {"Authorization": f"Token token={pagerduty.config.api_token}"}
    assert HTTP.get(f"{pagerduty.url}/oncalls").status_code == 401
    found = HTTP.get(f"{pagerduty.url}/oncalls?include[]=users", headers=right).json()["oncalls"]
    assert [(o["escalation_level"], o["user"]["email"]) for o in found] == [
        (1, "ana@example.com"),
        (2, "ben@example.com"),
    ]
    send(pagerduty)
    [incident] = HTTP.get(f"{pagerduty.url}/incidents?incident_key=A-12", headers=right).json()["incidents"]
    change = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
    url = f"{pagerduty.url}/incidents/{incident['id']}"
    assert HTTP.put(url, headers=right, json=change).status_code == 400
    assert (
        HTTP.put(url, headers={**right, "From": "ben@example.com"}, json=change).json()["incident"]["status"]
        == "acknowledged"
    )


def test_faults_strike_for_their_count(pagerduty: Running) -> None:
    HTTP.post(f"{pagerduty.url}/_sandbox/faults", json={"kind": "down", "count": 1})
    HTTP.post(f"{pagerduty.url}/_sandbox/faults", json={"kind": "status", "status": 500, "count": 1})
    assert [send(pagerduty).status_code for _ in range(3)] == [503, 500, 202]
    HTTP.post(f"{pagerduty.url}/_sandbox/faults", json={"kind": "lost_answer", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        send(pagerduty, dedup_key="A-13")
    assert [i["dedup_key"] for i in incidents(pagerduty)] == ["A-12", "A-13"]
    assert [row["status"] for row in HTTP.get(f"{pagerduty.url}/_sandbox/log").json()["log"]] == [503, 500, 202, 202]


@contextmanager
def bot() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A bot that only remembers the webhooks it was sent."""
    heard: list[tuple[str, bytes]] = []

    async def webhook(request: Request) -> Response:
        heard.append((request.headers["x-pagerduty-signature"], await request.body()))
        return Response(status_code=202)

    app = Starlette(routes=[Route("/v1/pagerduty", webhook, methods=["POST"])])
    with serving.bound("127.0.0.1", 0) as (listener, url), serving.in_thread(app, listener):
        yield f"{url}/v1/pagerduty", heard


def test_a_press_is_told_by_a_signed_webhook() -> None:
    with bot() as (url, heard), running(Config(webhook_url=url, webhook_secret="s3cret")) as account:
        send(account)
        pressed = {"dedup_key": "A-12", "action": "acknowledge", "user": "Ben Okafor"}
        assert HTTP.post(f"{account.url}/_sandbox/press", json=pressed).json()["ok"]
        eventually(lambda: len(heard) == 2, lambda: heard)
    for signature, body in heard:
        assert signature == "v1=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    events = [json.loads(body)["event"] for _, body in heard]
    assert [e["event_type"] for e in events] == ["incident.triggered", "incident.acknowledged"]
    assert events[0]["agent"] is None
    assert events[1]["agent"]["summary"] == "Ben Okafor"
    assert events[1]["data"]["incident_key"] == "A-12"
    assert len({e["id"] for e in events}) == 2


@pytest.mark.browser
def test_the_page_shows_an_incident_and_takes_a_press(pagerduty: Running, tmp_path: Path) -> None:
    send(
        pagerduty,
        links=[{"href": "javascript:alert(1)", "text": "bad"}, {"href": "https://slack.example/x", "text": "Slack"}],
    )
    with chromium(tmp_path) as chrome:
        chrome.get(pagerduty.url)
        [button] = eventually(
            lambda: chrome.find_elements(By.CSS_SELECTOR, "button[data-action=acknowledge]"), lambda: chrome.page_source
        )
        assert [a.text for a in chrome.find_elements(By.TAG_NAME, "a")] == ["Slack"]
        button.click()
        eventually(lambda: incidents(pagerduty)[0]["status"] == "acknowledged", lambda: incidents(pagerduty))
