"""Days and moments as people write them; what is none is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.dates import day, moment, span

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("now", NOW),
        ("today", datetime(2026, 11, 22, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 11, 21, tzinfo=UTC)),
        ("monday", datetime(2026, 11, 16, tzinfo=UTC)),
        ("sunday", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026--11--20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T05:00", datetime(2026, 11, 20, 5, tzinfo=UTC)),
        ("2026-11-20t05:00:00+02:00", datetime(2026, 11, 20, 3, tzinfo=UTC)),
        ("90m ago", NOW - timedelta(minutes=90)),
        ("2w ago", NOW - timedelta(weeks=2)),
        ("2026-02-30", None),
        ("2026-13-01", None),
        ("3d", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_moment(words: str, meant: datetime | None) -> None:
    assert moment(words, NOW) == meant


@pytest.mark.parametrize("words", ["today", "yesterday", "2026-11-20", "friday"])
def test_a_day_ends_with_its_last_microsecond(words: str) -> None:
    first = moment(words, NOW)
    assert first is not None
    last = moment(words, NOW, end=True)
    assert last == first + timedelta(days=1) - timedelta(microseconds=1)
    assert day(words, NOW) == (first, last)


def test_a_moment_is_no_day() -> None:
    assert day("2026-11-20T05:00", NOW) is None


@pytest.mark.parametrize("words", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_before_or_after_all_time_is_not_understood(words: str) -> None:
    assert moment(words, NOW, end=True) is None
    assert day(words, NOW) is None


@pytest.mark.parametrize("words", ["9999-12-31", "0001-01-01"])
def test_the_first_and_the_last_day_of_all_are_days(words: str) -> None:
    first = datetime.fromisoformat(words).replace(tzinfo=UTC)
    assert day(words, NOW) == (first, first + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999))
    assert moment(words, NOW, end=True) == day(words, NOW)[1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("seconds", "coarse", "fine"),
    [(0.004, "4 ms", "4 ms"), (41, "41 s", "41 s"), (190, "3 min", "3 min 10 s"), (1_860, "31 min", "31 min"),
     (14_400, "4 h", "4 h"), (15_600, "4 h", "4 h 20 min"), (259_200, "3 days", "3 days"),
     (190_000, "2 days", "2 days 4 h"), (-5, "0 s", "0 s")],
)  # fmt: skip
def test_durations_read_the_way_people_say_them(seconds: float, coarse: str, fine: str) -> None:
    assert span(seconds) == coarse
    assert span(seconds, fine=True) == fine
