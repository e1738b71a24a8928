"""config --explain says who decided: the route, else the runbook, else the signal itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.cli.explain import explain
from bot.config.settings import Settings
from bot.store.database import Store
from tests.given import NOW, failure, told

BOOK = """---
title: Rows
match:
  exception: row
severity: warning
escalate_after: 30m
---
## What you see

## Why

## What to do

## Prevent
"""


def said(tmp_path: Path, signal: Any, routes: list[dict[str, Any]], key: str = "r" * 32) -> dict[str, str]:
    (tmp_path / "runbooks").mkdir(exist_ok=True)
    (tmp_path / "runbooks" / "rows.md").write_text(BOOK)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = Store(url)
    store.migrate()
    store.close()
    settings = Settings(store={"url": url}, runbooks={"path": str(tmp_path / "runbooks")}, routes=routes,
                        pagerduty={"routing_key": key})  # fmt: skip
    return {line[:12].strip(): line[12:] for line in explain(settings, signal, NOW)}


@pytest.mark.parametrize(
    ("route", "severity", "rings"),
    [
        ({}, "error  (kind task_failed)", "PagerDuty after 0:30:00  (runbook rows says so)"),
        ({"severity": "error"}, "error  (route r says so)", "PagerDuty after 0:30:00  (runbook rows says so)"),
        ({"severity": "critical"}, "critical  (route r says so)", "PagerDuty at once  (route r says so)"),
        ({"page_after": "5m"}, "error  (kind task_failed)", "PagerDuty after 0:05:00  (route r says so)"),
        ({"page_after": "never"}, "error  (kind task_failed)", "nobody  (route r says so)"),
    ],
)
def test_who_said_how_bad_and_when_to_ring(tmp_path: Path, route: dict[str, Any], severity: str, rings: str) -> None:
    lines = said(tmp_path, failure("row 17 is bad"), [{"name": "r", **route}])
    assert (lines["severity"], lines["rings"]) == (severity, rings)


def test_without_pagerduty_nobody_is_rung(tmp_path: Path) -> None:
    assert said(tmp_path, failure("row"), [], key="")["rings"] == "nobody  (no pager is configured)"


def test_a_retry_that_is_worth_a_warning_says_which_route_asked(tmp_path: Path) -> None:
    routes = [{"name": "patient", "warn_on_try": 2}]
    lines = said(tmp_path, told("task_retrying", try_number=2), routes)
    assert lines["effect"] == "warns: route patient asks for it from try 2 on"
    assert lines["severity"] == "warning  (a retry is a warning)"
    assert said(tmp_path, told("task_retrying", try_number=1), routes)["effect"] == "is kept, opens nothing"


def test_killed_tasks_say_for_how_long_they_fold(tmp_path: Path) -> None:
    assert said(tmp_path, told(exception=None, hostname="w"), [])["group"].endswith(
        "(within 0:10:00 of its last failure)"
    )
