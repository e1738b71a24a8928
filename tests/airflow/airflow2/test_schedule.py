"""The dates of an Airflow 2 schedule, from what its API tells: none that Airflow would not have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.airflow.airflow2 import schedule
from bot.airflow.airflow2.schedule import Slot
from bot.core.errors import Permanent

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DETAILS = {"start_date": "2026-01-01T00:00:00+00:00", "end_date": None, "timezone": "UTC"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def row(interval: Any, start: str = "2026-11-21T05:00:00+00:00", end: str = "2026-11-22T05:00:00+00:00") -> Any:
    following = {"next_dagrun": start, "next_dagrun_data_interval_start": start, "next_dagrun_data_interval_end": end}
    return {"dag_id": "sales", "schedule_interval": interval, **following}


def cron(expression: str) -> dict[str, str]:
    return {"__type": "CronExpression", "value": expression}


def test_a_run_is_named_after_the_start_of_its_interval() -> None:
    daily = schedule.of_dag(row(cron("0 5 * * *")), DETAILS)
    assert daily.slots(at("2026-11-19"), at("2026-11-20"), NOW) == [
        Slot(at("2026-11-19T05:00"), at("2026-11-20T05:00"))
    ]
    assert daily.slot(at("2026-11-19T05:00")) == Slot(at("2026-11-19T05:00"), at("2026-11-20T05:00"))
    assert daily.slot(at("2026-11-19T05:01")) is None


def test_a_run_whose_interval_is_not_over_is_not_offered() -> None:
    daily = schedule.of_dag(row(cron("0 5 * * *")), DETAILS)
    found = daily.slots(at("2026-11-20"), at("2026-11-30"), NOW)
    assert [slot.logical_date for slot in found] == [at("2026-11-20T05:00"), at("2026-11-21T05:00")]


def test_both_ends_of_a_window_belong_to_it_and_the_dag_s_own_ends_hold() -> None:
    daily = schedule.of_dag(
        row(cron("@daily")), {**DETAILS, "start_date": "2026-11-17", "end_date": "2026-11-19T12:00"}
    )
    found = [slot.logical_date for slot in daily.slots(at("2026-11-10"), at("2026-11-20"), NOW)]
    assert found == [at("2026-11-17"), at("2026-11-18"), at("2026-11-19")]
    assert [slot.logical_date for slot in daily.slots(at("2026-11-18"), at("2026-11-18"), NOW)] == [at("2026-11-18")]


def test_a_schedule_whose_runs_stand_for_a_moment_has_intervals_without_length() -> None:
    moment = "2026-11-22T05:00:00+00:00"
    found = schedule.of_dag(row(cron("0 5 * * *"), moment, moment), DETAILS).slots(at("2026-11-22"), NOW, NOW)
    assert found == [Slot(at("2026-11-22T05:00"), at("2026-11-22T05:00"))]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Timezone('Europe/Berlin')"])
def test_a_cron_expression_is_read_in_the_dag_s_time_zone(zone: str) -> None:
    berlin = schedule.of_dag(row(cron("0 5 * * *")), {**DETAILS, "timezone": zone})
    found = [slot.logical_date for slot in berlin.slots(at("2026-10-24"), at("2026-10-26"), NOW)]
    assert found == [at("2026-10-24T03:00"), at("2026-10-25T04:00")]  # the clocks went back on the 25th


def test_a_timedelta_counts_from_the_run_that_airflow_plans_next() -> None:
    told = {"__type": "TimeDelta", "days": 0, "seconds": 25200, "microseconds": 0}
    sevens = schedule.of_dag(row(told, "2026-11-22T04:10:00+00:00", "2026-11-22T11:10:00+00:00"), DETAILS)
    found = sevens.slots(at("2026-11-21"), at("2026-11-21T23:00"), NOW)
    assert [slot.logical_date for slot in found] == [at(f"2026-11-21T{hour:02}:10") for hour in (0, 7, 14, 21)]
    assert found[0].end - found[0].logical_date == timedelta(hours=7)


@pytest.mark.parametrize(
    ("interval", "code", "words"),
    [
        (None, "no_schedule", "nothing to backfill"),
        (cron("@once"), "no_schedule", "nothing to backfill"),
        (cron("Dataset"), "no_schedule", "nothing to backfill"),
        ({"__type": "TimeDelta", "days": 0, "seconds": 0, "microseconds": 0}, "timetable", "TimeDelta"),
        ({"__type": "RelativeDelta", "months": 1}, "timetable", "RelativeDelta"),
        (cron("after the closing of the market"), "timetable", "cannot compute"),
        (cron("0 0 * * 5#3"), "timetable", "`5#3` is not understood"),
    ],
)
def test_what_has_no_dates_or_none_that_we_can_compute_is_refused(interval: Any, code: str, words: str) -> None:
    with pytest.raises(Permanent, match=words) as refused:
        schedule.of_dag(row(interval), DETAILS)
    assert refused.value.code == code


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(Permanent, match="Mars/Olympus"):
        schedule.of_dag(row(cron("0 5 * * *")), {**DETAILS, "timezone": "Mars/Olympus"})


def test_a_window_of_too_many_runs_is_refused() -> None:
    with pytest.raises(Permanent, match="more than 1000 runs of sales"):
        schedule.of_dag(row(cron("* * * * *")), DETAILS).slots(at("2026-11-01"), NOW, NOW)
