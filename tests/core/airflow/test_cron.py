"""Cron expressions fire when Airflow fires them, and what is not understood is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from bot.core.airflow.cron import parse


def fires(expression: str, start: str, number: int = 3, zone: str = "UTC") -> list[str]:
    moments = parse(expression).moments(datetime.fromisoformat(start).replace(tzinfo=UTC), ZoneInfo(zone))
    return [f"{at:%Y-%m-%d %H:%M}" for at in islice(moments, number)]


@pytest.mark.parametrize(
    ("expression", "start", "wanted"),
    [
        ("0 5 * * *", "2026-11-22 05:00", ["2026-11-22 05:00", "2026-11-23 05:00"]),
        ("0 5 * * *", "2026-11-22 05:01", ["2026-11-23 05:00", "2026-11-24 05:00"]),
        ("30 4 * * 1-5", "2026-11-20 05:00", ["2026-11-23 04:30", "2026-11-24 04:30"]),  # a Friday, then Monday
        ("0 0 * * 0", "2026-11-16", ["2026-11-22 00:00", "2026-11-29 00:00"]),
        ("0 0 * * 7", "2026-11-16", ["2026-11-22 00:00", "2026-11-29 00:00"]),
        ("0 0 * * SUN", "2026-11-16", ["2026-11-22 00:00", "2026-11-29 00:00"]),
        ("0 0 * * fri-mon", "2026-11-18", ["2026-11-20 00:00", "2026-11-21 00:00"]),
        ("*/15 8-9 * * *", "2026-11-22 08:50", ["2026-11-22 09:00", "2026-11-22 09:15"]),
        ("5/20 * * * *", "2026-11-22 08:06", ["2026-11-22 08:25", "2026-11-22 08:45"]),
        ("0 22-1 * * *", "2026-11-22 22:30", ["2026-11-22 23:00", "2026-11-23 00:00"]),
        ("0 0 1,15 * *", "2026-11-02", ["2026-11-15 00:00", "2026-12-01 00:00"]),
        ("0 0 31 * *", "2026-11-01", ["2026-12-31 00:00", "2027-01-31 00:00"]),
        ("0 0 29 2 *", "2026-11-01", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 L * *", "2027-02-01", ["2027-02-28 00:00", "2027-03-31 00:00"]),
        ("0 0 1 jan,jul ?", "2026-11-01", ["2027-01-01 00:00", "2027-07-01 00:00"]),
        ("@weekly", "2026-11-16", ["2026-11-22 00:00", "2026-11-29 00:00"]),
        ("@quarterly", "2026-11-16", ["2027-01-01 00:00", "2027-04-01 00:00"]),
    ],
)
def test_it_fires_when_cron_does(expression: str, start: str, wanted: list[str]) -> None:
    assert fires(expression, start, 2) == wanted


def test_a_day_of_the_month_or_of_the_week_is_enough_where_both_are_given() -> None:
    assert fires("0 0 13 * 5", "2026-11-10") == ["2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00"]
    assert fires("0 0 13 * 1", "2026-11-10") == ["2026-11-13 00:00", "2026-11-16 00:00", "2026-11-23 00:00"]


def test_a_full_field_beside_a_star_restricts_nothing() -> None:
    assert fires("0 0 */1 * 1", "2026-11-10", 2) == ["2026-11-10 00:00", "2026-11-11 00:00"]
    assert fires("0 0 */1 * */6", "2026-11-10", 2) == ["2026-11-14 00:00", "2026-11-15 00:00"]


def test_an_hour_that_the_clocks_leave_out_comes_an_hour_later() -> None:
    """Berlin goes from 02:00 to 03:00 on 2026-03-29."""
    assert fires("30 2 * * *", "2026-03-28", zone="Europe/Berlin") == [
        "2026-03-28 01:30",
        "2026-03-29 01:30",
        "2026-03-30 00:30",
    ]


def test_an_hour_that_the_clocks_repeat_comes_once_unless_it_is_every_hour() -> None:
    """Berlin goes from 03:00 back to 02:00 on 2026-10-25."""
    assert fires("30 2 * * *", "2026-10-25", 2, "Europe/Berlin") == ["2026-10-25 01:30", "2026-10-26 01:30"]
    assert fires("30 * * * *", "2026-10-25", 4, "Europe/Berlin") == [f"2026-10-25 {hour:02}:30" for hour in range(4)]
    assert fires("30 * * * *", "2026-03-29", 4, "Europe/Berlin") == [f"2026-03-29 {hour:02}:30" for hour in range(4)]


@pytest.mark.parametrize(
    "expression",
    ["", "daily", "0 0 * *", "0 0 0 * * *", "60 0 * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8",
     "0 0 * * 5#3", "0 0 * * L5", "0 0 15W * *", "0 0 * * mon-", "*/0 * * * *", "0 0 5-5 * *", "0 23/4 * * *",
     "0 0 * * moon", "@once", "H 0 * * *"],
)  # fmt: skip
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="cron expression"):
        parse(expression)


def test_a_date_that_never_comes_ends() -> None:
    assert fires("0 0 30 2 *", "2026-11-01") == []


def test_a_year_of_minutes_is_not_made_before_it_is_asked_for() -> None:
    moments = parse("* * * * *").moments(datetime(2026, 1, 1, tzinfo=UTC), UTC)
    assert next(moments) == datetime(2026, 1, 1, tzinfo=UTC)
    assert next(moments) - datetime(2026, 1, 1, tzinfo=UTC) == timedelta(minutes=1)
