"""What stands in Slack after a bad hour of Slack's: every incident once, as it is; every line of a thread once; the channel
told once that something is back."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.slack.api import client
from tests.scenarios.room import Room, a_room, signal
from tests.scenarios.seen import Message
from tests.scenarios.waiting import eventually

NAMES = ("orders", "stock", "ledger", "refunds", "customers", "invoices")
CAUSES = ("refused", "full disk", "no route", "timeout", "bad row", "no memory")
NEXT_RUN = "scheduled__2026-11-23T05:00:00+00:00"
ROUGH: list[dict[str, Any]] = [  # what Slack does, one after the other, and for how many seconds
    {"kind": "rate_limit", "retry_after": 1}, {"kind": "error", "code": "internal_error"}, {"kind": "down"},
    {"kind": "lost_answer"},
]  # fmt: skip


def failed(place: int, **changed: Any) -> dict[str, Any]:
    cause = {"type": "OSError", "message": CAUSES[place]}
    return signal(**{"dag_id": NAMES[place], "exception": cause} | changed)


def well(place: int) -> dict[str, Any]:
    return signal("task_succeeded", dag_id=NAMES[place], try_number=2)


def trouble(room: Room, seconds: float, fault: dict[str, Any], deed: Any) -> None:
    """Slack is like this for that long, and again until it was met; meanwhile something happens, and then it is as it was.
    The sockets stay."""
    met, ends = len(bad(room)), 0.0

    def is_met() -> bool:
        nonlocal ends
        if time.monotonic() > ends - seconds / 2:  # a machine so slow that the first call would come too late for it
            for method in ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies"):
                if fault["kind"] != "lost_answer" or method.startswith("chat."):
                    room.fault(method=method, seconds=seconds, **fault)
            ends = time.monotonic() + seconds
        return len(bad(room)) > met

    is_met()
    deed()
    eventually(is_met, lambda: room.eyes.log()[-5:], 40)


def bad(room: Room) -> list[dict[str, Any]]:
    return [
        row for row in room.eyes.log() if str(row["method"]).startswith("chat.") and (row.get("lost") or not row["ok"])
    ]


def history(room: Room, place: int) -> None:
    """Fails, is taken, is well, and comes back: all that a thread can be told of."""
    room.report_all([failed(place), failed(place, task_id="publish")])


def standing(room: Room) -> dict[str, Message]:
    """The one message of each incident; fails where one stands twice or not at all."""
    alerts = {one["id"]: one["alerts"][0] for one in room.get("/v1/incidents").json()["incidents"]}
    found: dict[str, Message] = {}
    for number, alert in alerts.items():
        mine = [row for row in room.eyes.rows() if ours(row, "windsock_alert") and of(row) == alert_id(room, number)]
        assert [row["ts"] for row in mine] == [alert["ref"]], (number, alert, room.all_words())
        found[f"A-{number}"] = Message(room.eyes, alert["ref"])
    return found


def ours(row: dict[str, Any], mark: str) -> bool:
    return bool((row["metadata"] or {}).get("event_type") == mark)


def of(row: dict[str, Any]) -> int:
    return int(row["metadata"]["event_payload"]["alert"])


def alert_id(room: Room, number: int) -> int:
    marks = [row["metadata"]["event_payload"] for row in room.eyes.rows() if ours(row, "windsock_alert")]
    return next((mark["alert"] for mark in marks if mark["incident"] == number), 0)


def lines_of(room: Room) -> Counter[tuple[int, int, bool]]:
    """How often each line of a thread was said: by alert, last entry, and whether the channel heard it."""
    marks = [row["metadata"]["event_payload"] for row in room.eyes.rows() if ours(row, "windsock_line")]
    return Counter((mark["alert"], mark["entry"], mark["rung"]) for mark in marks)


def sections(room: Room, number: int) -> int:
    """How many entries the threads of an incident tell; each is one section."""
    mine = [
        row for row in room.eyes.rows() if ours(row, "windsock_line") and not row["metadata"]["event_payload"]["rung"]
    ]
    return sum(
        block["type"] == "section" for row in mine if of(row) == alert_id(room, number) for block in row["blocks"]
    )


def all_told(room: Room, seconds: float = 40) -> None:
    """Until every thread tells every entry of its incident."""

    def behind() -> list[Any]:
        found = room.get("/v1/incidents").json()["incidents"]
        said = {one["id"]: sections(room, one["id"]) for one in found}
        return [one["id"] for one in found if said[one["id"]] < len(room.timeline(one["id"]))]

    eventually(lambda: not behind(), lambda: (behind(), lines_of(room)), seconds)


def once(room: Room) -> dict[str, Message]:
    """Nothing is owed, every message stands once, every line was said once."""
    room.settled()
    all_told(room)
    said = lines_of(room)
    assert set(said.values()) == {1}, said
    return standing(room)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [2.0, 6.0])
def test_whatever_slack_does_each_incident_stands_once_as_it_is_and_each_line_once(room: Room, seconds: float) -> None:
    room.report_all([failed(0), failed(1)])
    room.expect("orders.load failed")
    for place, fault in enumerate(ROUGH, start=2):
        trouble(room, seconds if fault["kind"] == "down" else 2.0, fault, lambda place=place: history(room, place))
        room.say("/airflow ack A-1") if place == 2 else None
    room.report_all([well(0), failed(0, run_id=NEXT_RUN)])
    alerts = once(room)
    assert len(alerts) == len(NAMES)
    alerts["A-1"].expect_edit("🔁", "orders.load")
    for place in range(2, 6):
        alerts[f"A-{place + 1}"].expect_edit(f"2 failures in {NAMES[place]}")
    heard = [key for key in lines_of(room) if key[2]]
    assert len(heard) == 1, "that it is back is heard once"


@pytest.mark.timeout(180)
def test_killed_while_slack_loses_answers_it_repeats_nothing(tmp_path: Path) -> None:
    with a_room(tmp_path, apart=True) as room:
        room.fault(kind="lost_answer", method="chat.postMessage")
        room.report_all([failed(place) for place in range(4)])
        eventually(lambda: any(row["lost"] for row in room.eyes.log("chat.postMessage")), room.eyes.log)
        room.bot.kill()
        room.eyes.no_more_faults()
        room.start_bot()
        room.expect("orders.load failed")
        room.report_all([well(0), failed(0, run_id=NEXT_RUN)])
        eventually(lambda: lines_of(room), room.all_words)
        room.fault(kind="lost_answer", method="chat.postMessage")
        lost = len(bad(room))
        room.report_all([failed(place, run_id=NEXT_RUN, task_id="publish") for place in range(1, 4)])
        room.say("/airflow ack A-2")
        eventually(lambda: len(bad(room)) > lost, lambda: lines_of(room), 30)
        room.bot.kill()
        room.eyes.no_more_faults()
        room.start_bot()
        alerts = once(room)
        assert len(alerts) == 4
        alerts["A-2"].expect_edit("Ana has it")


@pytest.mark.timeout(120)
def test_a_call_that_takes_too_long_and_acts_late_is_not_repeated(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.bot.windsock.slack_client.timeout = 1  # type: ignore[union-attr]
    monkeypatch.setattr(client, "LATE_ACT", 4.0)
    room.fault(kind="latency", method="chat.postMessage", latency_ms=2_500, count=1)
    room.report_all([failed(0)])
    alerts = once(room)
    assert len(alerts) == 1


def unwritable(room: Room, code: str) -> None:
    for method in ("chat.postMessage", "chat.update"):
        room.fault(kind="error", code=code, method=method)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("is_archived", "archived"), ("not_in_channel", "not in the channel"), ("channel_not_found", "does not exist"),
     ("token_revoked", "revoked")],
)  # fmt: skip
def test_a_channel_or_token_that_fails_is_said_and_mended_by_one_press(room: Room, code: str, sentence: str) -> None:
    unwritable(room, code)
    room.report_all([failed(0), failed(1)])
    eventually(lambda: sentence in room.get("/readyz").text, lambda: room.get("/readyz").text)
    assert room.get("/readyz").status_code == 200, "signals are taken all the same"
    eventually(
        lambda: all(one["alerts"][0]["error"] for one in room.get("/v1/incidents").json()["incidents"]), room.all_words
    )
    room.eyes.no_more_faults()
    room.say("/airflow ack A-2")  # tried at once, and with it the other one that failed alike
    room.expect("Ana has it", seconds=10)
    room.expect("orders.load failed", seconds=10)
    alerts = once(room)
    assert len(alerts) == 2
    assert sentence not in room.get("/readyz").text


def test_a_channel_that_is_archived_later_keeps_its_thread_for_when_it_is_back(room: Room) -> None:
    room.report_all([failed(0)])
    once(room)
    unwritable(room, "is_archived")
    room.say("/airflow ack A-1")
    eventually(lambda: "archived" in room.get("/readyz").text, lambda: room.get("/readyz").text)
    room.eyes.no_more_faults()
    room.say("/airflow unack A-1")
    once(room)["A-1"].expect_edit("Nobody has it")
    assert [what for _, what in room.timeline(1)] == ["opened", "acknowledged", "unacknowledged"]
