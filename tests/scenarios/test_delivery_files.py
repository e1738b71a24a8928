"""The whole list of a storm as a file, and what a person is told when Slack does not take it."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx

from bot.slack.interactions.failures_file import COLUMNS
from tests.scenarios.room import Room, signal
from tests.scenarios.seen import Message
from tests.scenarios.waiting import eventually

FAILURES = 600
SECRET = "postgresql://loader:hunter2@db/x"


def a_storm(room: Room) -> Message:
    dags = [f"dag_{n}" for n in range(FAILURES - 2)] + ["=cmd|' /C calc'!A0", SECRET]
    for first in range(0, FAILURES, 200):
        room.report_all([signal(dag_id=dag, source="listener") for dag in dags[first : first + 200]])
    alert = room.expect(f"{FAILURES} failures in")
    room.settled()
    return alert


def shared(room: Room) -> list[dict[str, Any]]:
    return [row for row in room.eyes.rows() if row["files"]]


def test_a_list_that_is_longer_than_an_answer_is_a_file_with_every_failure_in_the_thread(room: Room) -> None:
    alert = a_storm(room)
    listed = alert.press(f"All {FAILURES} failures").expect_ephemeral("more")
    listed.press(f"All {FAILURES} as a file").expect_ephemeral(f"All {FAILURES} failures are in the thread of A-1")
    (row,) = shared(room)
    assert row["thread_ts"] == alert.ts
    (file,) = row["files"]
    assert (file["name"], file["title"]) == ("A-1-failures.csv", f"A-1: {FAILURES} failures")
    text = httpx.get(file["url_private"], trust_env=False).text
    assert "hunter2" not in text
    heads, *rows = list(csv.reader(io.StringIO(text)))
    assert tuple(heads) == COLUMNS
    assert len(rows) == FAILURES
    dags = [one[COLUMNS.index("dag_id")] for one in rows]
    assert dags[:598] == [f"dag_{n}" for n in range(598)]
    assert dags[598] == "'=cmd|' /C calc'!A0", "no spreadsheet takes a name for a formula"


def test_a_short_list_offers_no_file(room: Room) -> None:
    room.report_all([signal(dag_id=f"dag_{n}") for n in range(5)])
    alert = room.expect("5 failures in")
    listed = alert.press("All 5 failures").expect_ephemeral("dag_4.load")
    assert [label for label in listed.labels if "file" in label] == []


def test_what_slack_does_not_take_is_said_and_a_lost_answer_is_not_guessed(room: Room) -> None:
    alert = a_storm(room)
    room.fault(kind="error", code="missing_scope", method="files.getUploadURLExternal", count=1)
    alert.press(f"All {FAILURES} failures").expect_ephemeral("more").press(
        f"All {FAILURES} as a file"
    ).expect_ephemeral("lacks a scope")
    assert shared(room) == []
    room.fault(kind="lost_answer", method="files.completeUploadExternal", count=1)
    alert.press(f"All {FAILURES} failures").expect_ephemeral("more").press(
        f"All {FAILURES} as a file"
    ).expect_ephemeral("look whether the list is in the thread")
    eventually(lambda: len(shared(room)) == 1, room.all_words)
