"""What the reading verbs are handed is built from the settings, and a wrong one is told at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.app.build import services_of
from bot.app.sources import Sources
from bot.checks.catalog import ALL
from bot.config.settings import Settings, WrongSettings


def settings(tmp_path: Path, **given: Any) -> Settings:
    airflow = {
        "prod": {"url": "http://127.0.0.1:1", "metastore_url": f"sqlite:///{tmp_path / 'airflow.db'}"},
        "eu": {"url": "http://127.0.0.1:1"},
    }
    return Settings(store={"url": f"sqlite:///{tmp_path / 'w.db'}"}, airflow=airflow, **given)


def test_only_what_is_configured_is_handed_over(tmp_path: Path) -> None:
    sources = Sources(settings(tmp_path, slack={"deployments": {"#data-prod": "prod", "C0PRIVATE": "eu"}}), ALL)
    handed = sources.services()
    sources.close()
    assert list(handed["histories"]) == list(handed["examine"]) == ["prod"]
    assert handed["on_call"] is None
    assert handed["channel_deployments"] == {"data-prod": "prod", "C0PRIVATE": "eu"}
    assert handed["goal"] == 99.2


def test_a_channel_of_a_deployment_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    wrong = settings(tmp_path, slack={"deployments": {"#data-prod": "moon"}})
    with pytest.raises(WrongSettings, match="there is no deployment moon; there are: prod, eu"):
        services_of(wrong, (), (), Sources(wrong, ALL))
