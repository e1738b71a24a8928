"""What stands in deploy/ for operators to copy is read by the program itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.app.build import services_of
from bot.config.checks import checks_of
from bot.config.schedules import digest_of
from bot.config.settings import load

DEPLOY = Path(__file__).parents[1] / "deploy"


def test_the_example_settings_are_read_and_mean_what_they_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WINDSOCK_CONFIG", str(DEPLOY / "windsock.example.toml"))
    monkeypatch.setenv("WINDSOCK_STORE__URL", f"sqlite:///{tmp_path / 'windsock.db'}")
    services = services_of(load(), (), ())
    assert [route.name for route in services.policy.routes] == ["finance", "sandbox DAGs", "slow to recover"]
    assert [route.warn_on_try for route in services.policy.routes] == [None, None, 2]
    assert checks_of(load())[-1].name == "runs-without-end"
    plan = digest_of(load())
    assert plan is not None
    assert (plan.at.isoformat(), str(plan.zone), plan.channel) == ("09:00:00", "Europe/Berlin", "#data-alerts")
    assert [window.name for window in services.maintenance] == ["warehouse upgrade", "nightly vacuum"]
    assert {role.name for role in services.access.grants} == {"responder", "operator"}


def test_the_prometheus_rules_are_the_five_of_the_field_and_name_runbooks_that_exist() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "windsock.rules.yml").read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [
        "AirflowSchedulerDead", "AirflowZombieTasks", "AirflowQueueDepth", "AirflowImportErrors", "AirflowPoolStarved",
    ]  # fmt: skip
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "error", "warning"}
        named = rule["annotations"].get("runbook")
        assert named is None or (DEPLOY.parent / "runbooks" / f"{named}.md").exists()
