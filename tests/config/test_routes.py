"""`[checks.NAME]`: a check is turned off, or gets another threshold or severity; what cannot be is named."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config.checks import checks_of
from bot.config.settings import Settings, WrongSettings


def chosen(**checks: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", "-"): table for name, table in checks.items()}
    return {check.name: check for check in checks_of(Settings(checks=named))}


def test_a_threshold_a_severity_and_off_are_what_the_sweep_asks_with() -> None:
    found = chosen(
        scheduler_heartbeat={"threshold": "2m"}, stale_heartbeats={"severity": "critical"}, stuck_queued={"on": False}
    )
    assert found["scheduler-heartbeat"].threshold == 120
    assert found["stale-heartbeats"].severity == "critical"
    assert "stuck-queued" not in found
    assert found["stale-heartbeats"].threshold == chosen()["stale-heartbeats"].threshold


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"checks": {"nosuch": {}}}, "checks.nosuch"),
        ({"checks": {"import-errors": {"limit": 3}}}, "checks.import-errors.limit"),
        ({"checks": {"import-errors": {"on": "yes"}}}, "checks.import-errors.on"),
        ({"checks": {"scheduler-heartbeat": {"severity": "bad"}}}, "checks.scheduler-heartbeat.severity"),
        ({"checks": {"scheduler-heartbeat": {"threshold": "soon"}}}, "checks.scheduler-heartbeat.threshold"),
        ({"custom_checks": [{"name": "mine", "sql": "select 1"}]}, "custom_checks[0].sick"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_ignored_in_silence(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(WrongSettings) as wrong:
        checks_of(Settings(**settings))
    assert str(wrong.value).startswith(named)
