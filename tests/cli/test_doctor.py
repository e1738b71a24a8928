"""doctor: each system is tried, what is wrong comes with its remedy, and one that is away keeps no other from being tried."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.cli.doctor import Diagnosis, diagnose
from bot.cli.main import main
from bot.config.settings import Settings
from bot.sandbox.processes.ports import free_port
from bot.sandbox.slack.rules.config import Config as SlackConfig
from bot.sandbox.slack.server import running


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("WINDSOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runbooks").mkdir()
    return tmp_path


def found(**settings: Any) -> dict[str, Diagnosis]:
    return {one.system: one for one in diagnose(Settings(**settings))}


def test_with_nothing_configured_it_says_what_to_set_first() -> None:
    seen = found()
    assert {name for name, one in seen.items() if not one.well} == {"slack"}
    assert "WINDSOCK_SLACK__BOT_TOKEN" in seen["slack"].remedy
    assert str(seen["slack"]).startswith("✗ slack: no bot token → set ")
    assert str(seen["store"]) == "✓ store: answers, schema up to date"


def test_everything_that_is_away_is_named_with_its_remedy(home: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    (home / "runbooks" / "bad.md").write_text("nothing")
    seen = found(
        store={"url": "sqlite:////no/such/folder/x.db"},
        slack={"bot_token": "xoxb-1", "app_token": "xapp-1", "api_url": f"{away}/api/"},
        airflow={"prod": {"url": away, "metastore_url": "postgresql+psycopg://x@127.0.0.1:1/x"}},
        pagerduty={"routing_key": "short"},
    )
    assert {name for name, one in seen.items() if one.well} == set()
    assert set(seen) == {
        "store",
        "slack",
        "slack channels",
        "slack socket",
        "airflow prod",
        "metastore prod",
        "pagerduty",
        "runbooks",
    }
    assert all(one.remedy and "\n" not in str(one) for one in seen.values()), [str(one) for one in seen.values()]
    assert "WINDSOCK_AIRFLOW__PROD__URL" in seen["airflow prod"].remedy
    assert "WINDSOCK_AIRFLOW__PROD__METASTORE_URL" in seen["metastore prod"].remedy


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("#old-alerts", "#old-alerts is archived"),
        ("#nowhere", "#nowhere does not exist"),
        ("#random", ""),
        ("C0ML", ""),
    ],
)
def test_every_channel_of_a_route_is_looked_at(channel: str, said: str) -> None:
    with running(SlackConfig()) as slack:
        given = {"bot_token": slack.config.bot_token, "app_token": slack.config.app_token, "api_url": slack.api_url}
        seen = found(slack=given, routes=[{"channel": channel}])
    assert seen["slack"].well
    assert seen["slack channels"].well is not bool(said), str(seen["slack channels"])
    assert said in seen["slack channels"].said
    if said:
        assert "/invite" in seen["slack channels"].remedy


def test_a_token_that_was_revoked_is_said_with_its_remedy() -> None:
    with running(SlackConfig()) as slack:
        fault = {"kind": "error", "code": "token_revoked"}
        httpx.post(f"{slack.url}/_sandbox/faults", json=fault, trust_env=False)
        seen = found(slack={"bot_token": "xoxb-1", "app_token": "xapp-1", "api_url": slack.api_url})
    assert str(seen["slack"]).startswith("✗ slack: Slack: the bot token was revoked → check WINDSOCK_SLACK__BOT_TOKEN")


def test_http_mode_needs_the_secret_that_slack_signs_with(home: Path) -> None:
    seen = found(slack={"bot_token": "xoxb-1", "mode": "http", "api_url": f"http://127.0.0.1:{free_port()}/api/"})
    assert "WINDSOCK_SLACK__SIGNING_SECRET" in seen["slack http"].remedy


def test_a_routing_key_of_the_right_length_is_configured() -> None:
    assert found(pagerduty={"routing_key": "k" * 32})["pagerduty"].well


def test_a_fault_is_exit_code_1_in_words_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    assert "✗ slack: no bot token" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 1
    assert '"system": "slack"' in capsys.readouterr().out
