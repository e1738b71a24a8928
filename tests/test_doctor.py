"""doctor: each system is tried, what is wrong comes with its remedy, and one that is away keeps no other from being tried."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.doctor import Diagnosis, diagnose
from bot.sandbox.ports import free_port
from bot.settings import Settings


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
    assert set(seen) == {"store", "slack", "slack socket", "airflow prod", "metastore prod", "pagerduty", "runbooks"}
    assert all(one.remedy and "\n" not in str(one) for one in seen.values()), [str(one) for one in seen.values()]
    assert "WINDSOCK_AIRFLOW__PROD__URL" in seen["airflow prod"].remedy
    assert "WINDSOCK_AIRFLOW__PROD__METASTORE_URL" in seen["metastore prod"].remedy


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
