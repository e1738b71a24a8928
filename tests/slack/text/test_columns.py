"""Columns of preformatted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text.columns import BAR, ROOM, aligned, bar, shown


def test_cells_stand_under_each_other_and_lines_end_with_their_text() -> None:
    assert aligned([("dag", "runs"), ("sales_daily", "3", "late"), ("x",)]) == [
        "dag          runs", "sales_daily  3     late", "x",
    ]  # fmt: skip
    assert aligned([]) == []


def test_rows_without_room_are_counted() -> None:
    rows = [("d" * 100, str(number)) for number in range(100)]
    block, more = shown(rows, 60)
    text = str(block)
    fitting = text.count("d" * 100)
    assert 0 < fitting < 60
    assert fitting * 101 <= ROOM
    assert more == f"+{100 - fitting} more"
    assert shown(rows[:3], 60)[1] == ""


@pytest.mark.parametrize(
    ("part", "whole", "full"), [(0, 10, 0), (10, 10, BAR), (20, 10, BAR), (5, 10, 8), (1, 10_000, 1), (9_999, 10_000, BAR - 1),
                                (3, 0, 0), (-1, 10, 0)],
)  # fmt: skip
def test_a_bar_is_full_or_empty_only_where_the_thing_is(part: float, whole: float, full: int) -> None:
    assert bar(part, whole) == "█" * full + "░" * (BAR - full)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_bar_always_has_its_length(part: float, whole: float) -> None:
    assert len(bar(part, whole)) == BAR
