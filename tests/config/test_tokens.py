"""Tokens: a deployment's own, a reader's own, two at a time, and files that are read again."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from bot.config import tokens
from bot.config.settings import Settings
from bot.config.tokens import TokenFiles
from bot.core.bearer import Tokens
from bot.responder.services import Services
from bot.responder.signals.intake import Intake
from bot.web.http import Edge
from bot.web.routes import site
from tests.given import body
from tests.web.conftest import TestClient, intake, services  # noqa: F401 - fixtures

EVERY, OTHER, PROD, READ = (secrets.token_hex(16) for _ in range(4))


def http(services: Services, intake: Intake, **given: object) -> TestClient:  # noqa: F811
    made = Tokens(**given)  # type: ignore[arg-type]
    return TestClient(site(Edge(services, intake, lambda: made)), raise_server_exceptions=False)


def send(client: TestClient, token: str, **changed: object) -> tuple[int, str]:
    answer = client.post("/v1/signals", json=body(**changed), headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.text


def read(client: TestClient, token: str) -> int:
    return client.get("/v1/incidents", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_deployments_token_sends_for_it_alone_and_reads_nothing(services: Services, intake: Intake) -> None:  # noqa: F811
    client = http(services, intake, every=(EVERY,), one={"prod": (PROD,)})
    assert send(client, PROD)[0] == 202
    status, said = send(client, PROD, deployment="other", task_id="x")
    assert (status, "deployment: this token sends for prod alone" in said) == (403, True)
    many = {"signals": [body(), body(deployment="other")]}
    answer = client.post("/v1/signals", json=many, headers={"Authorization": f"Bearer {PROD}"})
    assert (answer.status_code, "signals[1].deployment" in answer.text) == (403, True)
    assert send(client, EVERY, deployment="other")[0] == 202
    assert (read(client, PROD), read(client, EVERY)) == (401, 200)


def test_an_alertmanagers_token_says_which_deployment_it_is(services: Services, intake: Intake) -> None:  # noqa: F811
    client = http(services, intake, one={"prod": (PROD,)}, read=(READ,))
    alerts = [
        {"status": "firing", "labels": {"alertname": "Down", "cluster": "other"}, "startsAt": "2026-11-22T05:00:00Z"}
    ]
    answer = client.post("/v1/alertmanager", json={"version": "4", "alerts": alerts},
                         headers={"Authorization": f"Bearer {PROD}"})  # fmt: skip
    assert answer.status_code == 202
    found = client.get("/v1/incidents", headers={"Authorization": f"Bearer {READ}"}).json()["incidents"]
    assert [one["deployment"] for one in found] == ["prod"]


def test_once_there_is_a_reading_token_no_other_reads(services: Services, intake: Intake) -> None:  # noqa: F811
    client = http(services, intake, every=(EVERY,), read=(READ,))
    assert (read(client, EVERY), read(client, READ), read(client, "")) == (401, 200, 401)
    assert send(client, READ)[0] == 401


def test_while_one_is_rotated_both_are_valid(services: Services, intake: Intake) -> None:  # noqa: F811
    client = http(services, intake, every=(EVERY, OTHER))
    assert (send(client, EVERY)[0], send(client, OTHER)[0], send(client, f"{EVERY},{OTHER}")[0]) == (202, 202, 401)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic x", "bearer ü", "Bearer \ud800", "Bearer " + "x" * 60_000]
)
def test_an_odd_header_is_nobodys(header: str) -> None:
    made = Tokens(every=(EVERY,), one={"prod": (PROD,)})
    assert made.sends_for(header) == frozenset()
    assert not made.reads(header)


def test_where_only_a_deployments_token_is_set_strangers_neither_send_nor_read() -> None:
    made = Tokens(one={"prod": (PROD,)})
    assert made.sends_for("") == frozenset()
    assert not made.reads("")
    assert Tokens().reads("")
    assert Tokens().sends_for("") is None


def test_a_mounted_file_is_read_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", -1)
    own, every = tmp_path / "prod", tmp_path / "every"
    own.write_text(PROD)
    every.write_text(f"{EVERY}\n")
    files = {"WINDSOCK_SERVER__SIGNAL_TOKEN_FILE": str(every), "WINDSOCK_AIRFLOW__PROD__SIGNAL_TOKEN_FILE": str(own)}
    monkeypatch.setenv("WINDSOCK_AIRFLOW__PROD__URL", "http://127.0.0.1:1")
    for name, path in files.items():
        monkeypatch.setenv(name, path)
    now = TokenFiles(Settings(), files)
    assert (now().every, now().one) == ((EVERY,), {"prod": (PROD,)})
    every.write_text(f"{EVERY}, {OTHER}")
    assert now().every == (EVERY, OTHER)
    own.unlink()  # as a mount does for a moment
    assert now().one == {"prod": (PROD,)}
    assert "the tokens stay as they were" in caplog.text
    own.write_text("")
    assert now().one == {"prod": (PROD,)}
    own.write_text(READ)
    assert now().one == {"prod": (READ,)}
    assert not any(token in caplog.text for token in (PROD, EVERY, OTHER, READ))


def test_a_weak_token_is_said(caplog: pytest.LogCaptureFixture) -> None:
    TokenFiles(Settings(server={"signal_token": "choose-one"}), {})
    assert "WINDSOCK_SERVER__SIGNAL_TOKEN: is shorter than 20 characters" in caplog.text
