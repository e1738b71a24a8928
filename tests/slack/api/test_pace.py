"""Our own pace towards Slack: never faster than allowed, also across a restart and a clock that jumps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Paced
from bot.slack.api.pace import EDIT_BURST, EDITS_PER_SECOND, POST_BURST, Bucket, Pace


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Kept:
    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        return self.values.get(key)

    def put(self, key: str, value: dict[str, Any]) -> None:
        self.values[key] = value


def taken(bucket: Bucket, reserve: float = 0.0) -> int:
    """How many tokens it gives at this moment."""
    number = 0
    while True:
        try:
            bucket.take(reserve)
        except Paced:
            return number
        number += 1


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_no_stretch_of_time_has_more_than_its_burst_and_its_rate(pauses: list[float]) -> None:
    time, given_at = Time(), list[float]()
    bucket = Bucket(EDIT_BURST, EDITS_PER_SECOND, time)
    for pause in pauses:
        time.now += pause
        given_at += [time.now] * taken(bucket)
    for start in range(len(given_at)):
        for end in range(start, len(given_at)):
            most = EDIT_BURST + EDITS_PER_SECOND * (given_at[end] - given_at[start])
            assert end - start + 1 <= most + 1e-6


def test_after_the_wait_that_it_names_there_is_a_token() -> None:
    time = Time()
    bucket = Bucket(2, 0.5, time)
    assert taken(bucket) == 2
    with pytest.raises(Paced) as caught:
        bucket.take()
    assert caught.value.retry_after == pytest.approx(2.0)
    time.now += 2.0
    assert taken(bucket) == 1


def test_what_is_reserved_is_left_for_others() -> None:
    bucket = Bucket(8, 0.5, Time())
    assert taken(bucket, reserve=3) == 5
    assert taken(bucket) == 3


def test_slack_asks_to_slow_down() -> None:
    time = Time()
    bucket = Bucket(8, 0.5, time)
    bucket.empty(30)
    assert taken(bucket) == 0
    time.now += 29
    assert taken(bucket) == 0
    time.now += 1.001
    assert taken(bucket) == 1


def test_a_restart_gives_no_burst_and_time_that_passed_counts() -> None:
    time, kept = Time(), Kept()
    pace = Pace(kept, time)
    assert (taken(pace.edits), taken(pace.posts("C1"))) == (EDIT_BURST, POST_BURST)
    pace.keep()
    again = Pace(kept, time)
    assert (taken(again.edits), taken(again.posts("C1")), taken(again.posts("C2"))) == (0, 0, POST_BURST)
    time.now += 3.01
    assert taken(again.posts("C1")) == 3


def test_a_clock_that_went_back_adds_nothing_and_stops_nothing() -> None:
    time, kept = Time(), Kept()
    pace = Pace(kept, time)
    taken(pace.edits)
    pace.keep()
    time.now -= 500
    again = Pace(kept, time)
    assert taken(again.edits) == 0
    time.now += 1 / EDITS_PER_SECOND + 0.01
    assert taken(again.edits) == 1


def test_a_channels_id_and_its_name_share_one_bucket() -> None:
    pace = Pace(clock=Time())
    pace.alias("C1", "#data-alerts")
    assert (taken(pace.posts("#data-alerts")), taken(pace.posts("C1"))) == (POST_BURST, 0)
