"""POST /slack/events: a stranger makes the bot say one short sentence, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.core.logs import Seldom
from bot.web.http import Edge
from bot.web.routes import site
from tests.web.conftest import TestClient

SECRET = "the signing secret"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
COMMAND = b"command=/airflow&text=x&user_id=U1&channel_id=C1&team_id=T1&trigger_id=1&response_url=http://10.0.0.5:8080/internal"


class Bolt:
    """Notes what it is handed."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, body: bytes, _: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        self.seen.append(body)
        return 200, {"X-From": "bolt"}, "done"


@pytest.fixture
def bolt() -> Bolt:
    return Bolt()


@pytest.fixture
def http(edge: Edge, bolt: Bolt) -> TestClient:
    return TestClient(site(replace(edge, slack=bolt, slack_secret=SECRET)), raise_server_exceptions=False)


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return FORM | {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}


def test_in_socket_mode_there_is_no_such_address(edge: Edge) -> None:
    answer = TestClient(site(edge)).post("/slack/events", content=b"x")
    assert (answer.status_code, "WINDSOCK_SLACK__MODE" in answer.json()["error"]) == (404, True)


def test_what_slack_signed_is_handed_over_as_it_came(http: TestClient, bolt: Bolt) -> None:
    body = "payload=ü".encode()
    answer = http.post("/slack/events", content=body, headers=signed(body))
    assert (answer.status_code, answer.text, answer.headers["x-from"]) == (200, "done", "bolt")
    assert bolt.seen == [body]


@pytest.mark.parametrize(
    "stamp", ["now", "", "1e9", "9" * 5_000, "x", "-1", "+5", "1.5", "\u0661\u0662", "0x10", " ", "NaN"]
)
def test_a_stamp_that_is_no_number_goes_no_further(
    http: TestClient, bolt: Bolt, stamp: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {b"X-Slack-Request-Timestamp": stamp.encode(), b"X-Slack-Signature": b"v0=0"}
    answer = http.post(
        "/slack/events", content=COMMAND, headers={**{k.encode(): v.encode() for k, v in FORM.items()}, **headers}
    )
    assert (answer.status_code, bolt.seen) == (401, [])
    assert "10.0.0.5" not in answer.text + caplog.text
    assert len(caplog.records) <= 1


@pytest.mark.parametrize("off", [-301, 301, -86_400, 10**9])
def test_a_stamp_that_is_five_minutes_off_is_refused(http: TestClient, bolt: Bolt, off: int) -> None:
    assert http.post("/slack/events", content=COMMAND, headers=signed(COMMAND, time.time() + off)).status_code == 401
    assert bolt.seen == []


@pytest.mark.parametrize("signature", ["", "v0=0", "v0=ü", "v1=", "v0=" + "0" * 64, "v0=" + "f" * 60_000])
@pytest.mark.parametrize("body", [COMMAND, b"payload={not json", b"payload=[]", b"[]", b"5", b"", b"\xff\xfe"])
def test_what_is_not_signed_is_not_looked_at(http: TestClient, bolt: Bolt, signature: str, body: bytes) -> None:
    headers = {name.encode(): value.encode() for name, value in signed(body).items()} | {
        b"X-Slack-Signature": signature.encode()
    }
    answer = http.post("/slack/events", content=body, headers=headers)
    assert (answer.status_code, bolt.seen) == (401, [])


def test_another_secret_is_refused(http: TestClient, bolt: Bolt) -> None:
    assert http.post("/slack/events", content=COMMAND, headers=signed(COMMAND, secret="rotated")).status_code == 401
    assert bolt.seen == []


def test_a_body_over_a_mebibyte_is_not_read(http: TestClient) -> None:
    assert http.post("/slack/events", content=b"x" * 1_048_577).status_code == 413


def test_without_any_stamp_or_signature(http: TestClient, bolt: Bolt) -> None:
    answers: list[Any] = [http.post("/slack/events", content=COMMAND, headers=FORM) for _ in range(3)]
    assert [one.status_code for one in answers] == [401] * 3
    assert bolt.seen == []


def test_a_flood_of_unsigned_requests_is_one_line_of_the_log(
    http: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.web.http._seldom", Seldom())
    secret = "db_password"
    for _ in range(50):
        http.post("/slack/events", content=COMMAND + secret.encode() * 100, headers=FORM)
    assert len(caplog.records) == 1
    assert secret not in caplog.text
    assert len(caplog.text) < 300
