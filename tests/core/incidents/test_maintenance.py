"""Maintenance windows: what they cover, when, and what happens when they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.config.schedules import windows
from bot.core.incidents.lifecycle import begin, speak
from bot.core.incidents.maintenance import Window, covering
from bot.core.incidents.routing import matcher
from tests.given import NOW, failure, placed, told


def window(**match: str) -> Window:
    return Window(
        "upgrade", matcher(match, "match"), lambda now: NOW + timedelta(hours=1) if now >= NOW else None, "new disks"
    )


@pytest.mark.parametrize(
    ("match", "covered"),
    [
        ({"dag": "sal*"}, True), ({"dag": "other"}, False), ({"tag": "nightly"}, True), ({"pool": "warehouse"}, True),
        ({"owner": "data-eng"}, True), ({"deployment": "prod"}, True), ({"deployment": "stage"}, False),
        ({"dag": "sal*", "tag": "hourly"}, False),
    ],
)  # fmt: skip
def test_a_window_matches_in_airflows_terms(match: dict[str, str], covered: bool) -> None:
    signal = failure(tags=["nightly"], pool="warehouse", owner="data-eng, finance")
    silence = covering([window(**match)], signal, "abc", NOW)
    assert (silence is not None) is covered
    if silence:
        assert (silence.until, silence.reason, silence.scope) == (
            NOW + timedelta(hours=1),
            "new disks",
            "maintenance:upgrade",
        )


def test_a_closed_window_covers_nothing() -> None:
    assert covering([window(dag="*")], failure(), "abc", NOW - timedelta(seconds=1)) is None


def test_a_window_once_is_open_from_its_start_until_its_end() -> None:
    made = windows([{"match": {"dag": "x"}, "from": "2026-11-22T22:00:00Z", "to": "2026-11-23T02:00:00+01:00"}])[0]
    at = datetime.fromisoformat
    assert made.until(at("2026-11-22T21:59:59+00:00")) is None
    assert made.until(at("2026-11-22T22:00:00+00:00")) == at("2026-11-23T01:00:00+00:00")
    assert made.until(at("2026-11-23T01:00:00+00:00")) is None


@pytest.mark.parametrize(("hour", "minute", "open_until"), [(1, 59, None), (2, 0, 4), (3, 59, 4), (4, 0, None)])
def test_a_window_by_cron_is_open_for_its_duration_each_time(hour: int, minute: int, open_until: int | None) -> None:
    made = windows([{"match": {"dag": "x"}, "cron": "0 2 * * *", "lasts": "2h"}])[0]
    now = NOW.replace(hour=hour, minute=minute, second=0)
    assert made.until(now) == (NOW.replace(hour=open_until, minute=0, second=0) if open_until else None)


@pytest.mark.parametrize(
    ("cron", "opens"),
    [
        ("0 22 * * 6", ["2026-11-07", "2026-11-14", "2026-11-21", "2026-11-28"]),  # Saturdays
        ("0 22 * * 7", ["2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22", "2026-11-29"]),  # Sundays
        ("0 22 13 * 5", ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27"]),  # the 13th, and every Friday
        ("0 22 14 * 5", ["2026-11-06", "2026-11-13", "2026-11-14", "2026-11-20", "2026-11-27"]),
        ("0 22 1-3 * *", ["2026-11-01", "2026-11-02", "2026-11-03"]),
    ],
)
def test_a_window_opens_on_the_days_that_cron_means(cron: str, opens: list[str]) -> None:
    made = windows([{"match": {"dag": "x"}, "cron": cron, "lasts": "1h"}])[0]
    hours = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(24 * 30)]
    found = [hour for hour in hours if made.until(hour) is not None]
    assert [f"{hour:%Y-%m-%d}" for hour in found] == opens
    assert {hour.hour for hour in found} == {22}


def test_a_window_by_cron_follows_its_own_time_zone() -> None:
    made = windows([{"match": {"dag": "x"}, "cron": "0 2 * * *", "lasts": "1h", "timezone": "America/New_York"}])[0]
    assert made.until(NOW.replace(hour=7, minute=30)) is not None
    assert made.until(NOW.replace(hour=2, minute=30)) is None


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"cron": "0 2 * * *", "lasts": "2h"}, "maintenance[0].match"),
        ({"match": {"dagg": "x"}, "cron": "0 2 * * *", "lasts": "2h"}, "maintenance[0].match.dagg"),
        ({"match": {"dag": "x"}, "cron": "at night", "lasts": "2h"}, "maintenance[0].cron"),
        ({"match": {"dag": "x"}, "cron": "0 2 * * *"}, "maintenance[0].lasts"),
        ({"match": {"dag": "x"}, "cron": "0 2 * * *", "lasts": "long"}, "maintenance[0].lasts"),
        (
            {"match": {"dag": "x"}, "cron": "0 2 * * *", "lasts": "2h", "timezone": "Mars/Base"},
            "maintenance[0].timezone",
        ),
        ({"match": {"dag": "x"}, "from": "now", "to": "later"}, "maintenance[0].from"),
        ({"match": {"dag": "x"}, "from": "2026-11-22", "to": "2026-11-21"}, "maintenance[0].to"),
        ({"match": {"dag": "x"}, "until": "x"}, "maintenance[0].until"),
    ],
)
def test_a_wrong_window_is_named(table: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=r"^maintenance") as wrong:
        windows([table])
    assert str(wrong.value).startswith(named)


def test_what_is_still_broken_and_critical_rings_when_the_window_ends() -> None:
    signal = told(tags=["critical"])
    broken = begin(signal, *placed(signal), "", None, NOW).incident
    broken = replace(broken, page_at=None)
    assert speak(broken, "ended", "", "", NOW, timedelta(0)).incident.page_at == NOW
    assert speak(broken, "ended", "", "", NOW).incident.page_at == broken.page_at
