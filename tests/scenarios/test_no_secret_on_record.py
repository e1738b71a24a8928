"""What is secret in a command or a window is in no line of the audit, in no plan that was used, in no message for others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.airflow.protocol import Airflow, Dag
from bot.core.airflow.variables import Param
from tests.airflow.paper import PaperAirflow
from tests.scenarios.imagined import Imagined, an_imagined_room
from tests.scenarios.room import BotHere, Room, a_room
from tests.scenarios.test_modals import pick, submitted
from tests.scenarios.waiting import eventually

SECRET = "tr0ub4dor"


@pytest.fixture
def paper() -> PaperAirflow:
    return PaperAirflow("test")


@pytest.fixture
def room(tmp_path: Path, paper: PaperAirflow) -> Iterator[Room]:
    with a_room(tmp_path) as opened:
        assert isinstance(opened.bot, BotHere)
        opened.bot.windsock.services.airflows = {"test": cast(Airflow, paper)}
        yield opened


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "windsock.db")
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def on_record(folder: Path, lines: int) -> str:
    eventually(lambda: len(rows(folder, "select * from audit")) >= lines, lambda: rows(folder, "select * from audit"))
    return json.dumps(rows(folder, "select who, verb, argument, outcome from audit order by id"), ensure_ascii=False)


TYPED = ("variable set db {}", "variable  SET\tdb {}", "varable set db {}", "variable st db {}", "set db {}", "variable db {}",
         "variable set test:db two {}")  # fmt: skip


def test_a_variables_value_is_in_no_line_of_the_audit_however_it_was_typed(room: Room, tmp_path: Path) -> None:
    """Allowed or refused, with a slip in it or without."""
    for typed in TYPED:
        for user in ("cleo", "dev"):
            room.say(f"/airflow {typed.format(SECRET)}", user=user)
    said = on_record(tmp_path, 2 * len(TYPED))
    assert SECRET not in said, said
    assert "variable set db •••" in said


def test_nor_when_the_slip_is_mended_by_a_button_and_confirmed(room: Room, paper: PaperAirflow, tmp_path: Path) -> None:
    typo = room.say(f"/airflow varable set db {SECRET}", user="cleo").expect_ephemeral("Did you mean")
    typo.press(f"variable set db {SECRET}", user="cleo").expect_ephemeral("Set the variable db").press(
        "Confirm: set 1 variable", user="cleo"
    )
    room.expect("set the variable db")
    assert paper.variable("db") is not None
    assert SECRET not in on_record(tmp_path, 3)
    eventually(lambda: SECRET not in json.dumps(rows(tmp_path, "select body from plans")), room.all_words)
    assert SECRET not in " ".join(words for words in room.all_words() if "Did you mean" not in words)


def test_nor_is_a_value_of_a_triggers_window(tmp_path: Path) -> None:
    airflow = Imagined()
    params = {"api_token": Param("api_token", "", {"type": "string"}), "pin": Param("pin", "", {"type": "string"})}
    airflow.known["sales_daily"] = Dag("sales_daily", False, params=params)
    with an_imagined_room(tmp_path, airflow) as room:
        asked = room.say("/airflow trigger")
        pick(room, "dag", "test:sales_daily")
        asked.expect_modal("api_token")
        names = [block["block_id"] for block in (room.eyes.modal("ana") or {})["blocks"]
                 if block.get("block_id", "").startswith("p-")]  # fmt: skip
        submitted(room, **dict.fromkeys(names, SECRET))
        said = on_record(tmp_path, 2)
        assert "choose" in said
        assert SECRET not in said
