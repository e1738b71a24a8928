"""Two Airflows that have DAGs of the same name: whatever is asked, confirmed or told says which one is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.imagined import Imagined, an_imagined_room
from tests.scenarios.room import Room
from tests.scenarios.test_home import expect_home, opened
from tests.scenarios.waiting import eventually


@pytest.fixture
def airflows() -> tuple[Imagined, Imagined]:
    return Imagined("prod"), Imagined("stage")


@pytest.fixture
def room(tmp_path: Path, airflows: tuple[Imagined, Imagined]) -> Iterator[Room]:
    with an_imagined_room(tmp_path, *airflows) as two:
        yield two


def test_the_question_and_its_answers_name_the_airflow(room: Room, airflows: tuple[Imagined, Imagined]) -> None:
    prod, stage = airflows
    for name in ("prod", "stage"):
        question = room.say(f"/airflow pause {name}:orders_hourly").expect_ephemeral(
            f"{name} · Nothing has been changed"
        )
        question.press("Confirm: pause 1 DAG")
        question.expect_edit("Asked", name)
        room.expect("orders_hourly", name)  # the line comes while it is still being done
    for airflow in (prod, stage):
        eventually(lambda known=airflow.known: known["orders_hourly"].is_paused, lambda: (prod.known, stage.known))


def test_so_does_a_list_that_moved(room: Room, airflows: tuple[Imagined, Imagined]) -> None:
    question = room.say("/airflow pause stage:orders_hourly for 2h").expect_ephemeral(
        "stage · Nothing has been changed"
    )
    airflows[1].pause("orders_hourly", True)
    question.press("Confirm: pause 1 DAG")
    question.expect_edit("the list moved", "stage · ")


def test_home_says_where_it_was_and_undoes_it_there(room: Room) -> None:
    """`unpause orders_hourly` alone would mean the first Airflow by name."""
    room.say("/airflow pause stage:orders_hourly").expect_ephemeral("Pause").press("Confirm: pause 1 DAG")
    room.expect("paused", "orders_hourly")
    room.say("/airflow silence stage:ledger_daily for 2h month-end")
    opened(room)
    expect_home(
        room, "paused `orders_hourly` · stage · undo: `/airflow unpause stage:orders_hourly`",
        "all of `ledger_daily` · stage until",
    )  # fmt: skip
