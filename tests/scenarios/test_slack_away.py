"""Slack's own outage: what a person sends is acknowledged at once, written down, and answered when Slack is back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.room import Room, a_room
from tests.scenarios.waiting import eventually

ILL: dict[str, dict[str, Any]] = {
    "503": {"kind": "page", "status": 503}, "429": {"kind": "rate_limit", "retry_after": 1},
    "500": {"kind": "error", "code": "internal_error"},
    "a page with 200": {"kind": "page"}, "a page with 502": {"kind": "page", "status": 502}, "no object": {"kind": "odd"},
    "nothing": {"kind": "hang", "latency_ms": 1500}, "a closed connection": {"kind": "drop"},
}  # fmt: skip
AT_ONCE = 1000.0  # milliseconds


@pytest.fixture(params=["socket", "http"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    with a_room(tmp_path, mode=request.param) as made:
        yield made


def acks(room: Room, kind: str) -> list[dict[str, Any]]:
    return [row for row in room.eyes.log(kind) if row["kind"] == "delivery"]


def audit(folder: Path) -> list[tuple[str, bool]]:
    """Who acknowledged, and whether they might."""
    with closing(sqlite3.connect(folder / "windsock.db")) as store:
        return [(who, bool(allowed)) for who, allowed in
                store.execute("select who_id, allowed from audit where verb = 'acknowledge'")]  # fmt: skip


@pytest.mark.parametrize("ill", ILL)
def test_the_first_command_while_slack_is_ill(room: Room, tmp_path: Path, ill: str) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    room.fault(seconds=120, **ILL[ill])
    typed = room.say("/airflow ack A-1")
    assert typed.ok, "it was acknowledged"
    assert [row["ok"] for row in acks(room, "slash_commands")] == [True]
    assert max(row["ms"] for row in acks(room, "slash_commands")) < AT_ONCE, acks(room, "slash_commands")
    lines = eventually(lambda: audit(tmp_path), lambda: "no line in the audit")
    assert lines == [("U0ANA", False)]
    assert room.incident(1)["state"] == "open"
    room.eyes.no_more_faults()
    typed.expect_ephemeral("Slack could not be asked who you are", "Nothing was changed", "Try again")

    def taken() -> bool:
        room.say("/airflow ack A-1")
        return room.incident(1)["state"] == "acknowledged"

    eventually(taken, lambda: room.incident(1))


@pytest.mark.parametrize("ill", ["503", "a page with 200", "a closed connection"])
def test_a_press_of_someone_who_is_known_is_carried_out_and_answered_later(room: Room, ill: str) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.say("/airflow whoami").expect_ephemeral("Ana")
    room.fault(seconds=120, **ILL[ill])
    asked = room.say("/airflow ack A-1")
    eventually(lambda: room.incident(1)["state"] == "acknowledged", lambda: room.incident(1))
    pressed = alert.press("Acknowledge")
    assert pressed.ok
    room.eyes.no_more_faults()
    asked.expect_ephemeral("A-1")
    alert.expect_edit("Ana")
    pressed.expect_ephemeral("You have A-1 already")
