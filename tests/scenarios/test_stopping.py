"""What a person is told when something is stopped, lost, stumbled over, or not theirs: a running backfill, a list in other hands,
an announcement that Slack swallowed, a fault of our own, and an account that nothing is taken from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.core.airflow.backfill import Backfill, BackfillDate
from bot.core.airflow.protocol import Run, TaskInstance, TaskRef
from bot.slack.interactions import buttons, submissions
from tests.scenarios.imagined import Imagined, an_imagined_room
from tests.scenarios.room import Room
from tests.scenarios.seen import CHANNEL, Message, did
from tests.scenarios.test_home import expect_home, opened, press
from tests.scenarios.waiting import eventually

WIDTH = 90
DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(10, 16)]


@dataclass
class Wide(Imagined):
    """One task is mapped so wide that a preview cannot show it; and a backfill that lasts."""

    has_backfill: bool = True
    backfilled: Backfill | None = None

    def task_instances(self, dag_id: str, run_id: str, *_: Any, **__: Any) -> list[TaskInstance]:
        self._heard(f"tasks {dag_id} {run_id}")
        return [TaskInstance(TaskRef(dag_id, run_id, f"load_{index:02}"), "failed", 1) for index in range(WIDTH)]

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        del dag_id, rerun
        return [BackfillDate(day) for day in DAYS if start <= day <= end]

    def backfill(self, dag_id: str, start: datetime, end: datetime, **_: Any) -> Backfill:
        dates = tuple(BackfillDate(day, f"backfill__{day:%d}", "queued") for day in DAYS)
        self.backfilled = Backfill(7, dag_id, start, end, tuple(one.run_id for one in dates), dates=dates)
        return self.backfilled

    def backfill_state(self, backfill_id: int) -> Backfill | None:
        del backfill_id
        return self.backfilled

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        assert backfill_id == 7
        self.become("queued", "failed", len(DAYS))
        assert self.backfilled is not None
        return self.backfilled

    def become(self, old: str, new: str, most: int) -> None:
        assert self.backfilled is not None
        left = [one.run_id for one in self.backfilled.dates if one.state == old][:most]
        dates = tuple(replace(one, state=new) if one.run_id in left else one for one in self.backfilled.dates)
        self.backfilled = replace(self.backfilled, dates=dates)

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None: ...

    def run(self, dag_id: str, run_id: str) -> Run | None:
        return Run(dag_id, run_id, "failed", "scheduled", DAYS[0])


@pytest.fixture
def airflow() -> Wide:
    return Wide()


@pytest.fixture
def here(airflow: Wide, tmp_path: Path) -> Iterator[Room]:
    with an_imagined_room(tmp_path, airflow, access={"operator": ["U0ANA"]}) as opened:
        yield opened


def previewed(here: Room, text: str, *words: str) -> Message:
    return here.say(f"/airflow {text}").expect_ephemeral(*words)


def confirm(preview: Message) -> None:
    preview.press(next(label for label in preview.labels if label.startswith("Confirm: ")))


def test_a_stop_of_a_running_backfill_cancels_the_rest_and_says_what_ran(here: Room, airflow: Wide) -> None:
    confirm(previewed(here, "backfill sales_daily from 2026-11-10 to 2026-11-15", "6 dates"))
    said = here.expect("Ana backfilled")  # and no more is backfilling: Airflow has it
    airflow.become("queued", "success", 2)
    said.press("Stop").expect_ephemeral("Airflow is asked to cancel the rest of it")
    said.expect_edit("Ana stopped it. 4 of 6 dates were cancelled; of the others: 2 succeeded")
    assert "Stop" not in said.labels


def test_a_list_that_a_preview_cannot_show_is_a_file_in_the_channel(here: Room) -> None:
    preview = previewed(here, "clear sales_daily@last-failed all", "Nothing has been changed yet")
    preview.press("Whole list as a file").expect_ephemeral(f"The whole list, {WIDTH} lines, is in the channel now")
    (row,) = [row for row in here.eyes.rows() if row["files"]]
    text = httpx.get(row["files"][0]["url_private"], trust_env=False).text
    assert all(f"load_{index:02}   failed" in text for index in range(WIDTH))


def test_whoever_may_not_do_it_is_refused_the_list_of_somebody_else(here: Room) -> None:
    preview = previewed(here, "clear sales_daily@last-failed all", "Nothing has been changed yet")
    everything = next(one for block in preview.row["blocks"] for one in block.get("elements", ())
                      if one.get("action_id") == "whole-list")  # fmt: skip
    made = {"type": "actions", "elements": [everything]}
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    said = {"channel": "C0ALERTS", "text": "a copy", "blocks": [made]}
    copy = httpx.post(f"{here.eyes.url}/api/chat.postMessage", headers=headers, json=said, trust_env=False).json()
    pressed = did(here.eyes, "ben", "click", channel=CHANNEL, ts=copy["ts"], action_id="whole-list")
    pressed.expect_ephemeral("Nothing was changed", "needs the role")
    assert [row for row in here.eyes.rows() if row["files"]] == []


def test_an_announcement_that_slack_swallowed_is_found_again_after_a_restart(tmp_path: Path, airflow: Wide) -> None:
    with an_imagined_room(tmp_path, airflow) as here:
        preview = previewed(here, "pause orders_hourly", "Nothing has been changed yet")
        here.fault(kind="lost_answer", method="chat.postMessage", count=1)
        here.fault(kind="error", code="internal_error", method="conversations.history")
        confirm(preview)
        said = here.expect("Ana", "orders_hourly")
        here.bot.stop()
        here.eyes.no_more_faults()
        here.start_bot()
        eventually(lambda: edited(here, said), lambda: here.eyes.log()[-8:], 40)
        said.expect_edit("Ana paused")
        assert len(here.messages("Ana", "orders_hourly")) == 1


def edited(room: Room, message: Message) -> bool:
    return any(row["method"] == "chat.update" and row["ok"] and (row.get("arguments") or {}).get("ts") == message.ts
               for row in room.eyes.log())  # fmt: skip


def stumbles(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("nobody foresaw this")


def test_a_window_that_says_that_it_waits_tells_of_a_fault_of_ours_instead(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was confirmed, so nothing was changed."""
    opened(here, "ana")
    monkeypatch.setattr(buttons, "answer", stumbles)
    press(here, "Status").expect_modal("Nothing was changed", "Something went wrong on our side")


def test_a_press_on_a_message_tells_of_a_fault_of_ours(here: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    here.report()
    alert = here.expect("sales_daily.load failed")
    monkeypatch.setattr(buttons.presses, "press", stumbles)
    alert.press("Acknowledge").expect_ephemeral(
        "Something went wrong on our side", "We can't tell whether anything was changed"
    )


@pytest.mark.parametrize("before_or_after", ["_lasts", "_view"])
def test_a_window_that_was_sent_tells_of_a_fault_of_ours(
    here: Room, monkeypatch: pytest.MonkeyPatch, before_or_after: str
) -> None:
    """Whether the window was acknowledged by then, or not."""
    here.report()
    window = here.expect("sales_daily.load failed").press("Silence").expect_modal("Silence")
    monkeypatch.setattr(submissions, before_or_after, stumbles)
    window.submit(what="sales_daily.load only", how_long="2 hours", reason="late").expect_modal(
        "Something went wrong on our side"
    )


def test_a_barred_account_is_told_so_in_home_and_in_a_window_too(here: Room, caplog: pytest.LogCaptureFixture) -> None:
    opened(here, "ana")
    here.report()
    expect_home(here, "1 alert needs somebody")
    window = here.expect("sales_daily.load failed").press("Silence").expect_modal("Silence")
    here.eyes.do("account", user="ana", deleted=True)
    here.bot.windsock.slack.people.forget()
    window.submit(what="sales_daily.load only", how_long="2 hours", reason="late").expect_modal(
        "Nothing was changed", "deactivated"
    )
    here.eyes.do("close", user="ana")
    press(here, "Acknowledge").expect_modal("Nothing was changed", "deactivated")
    assert "failed on" not in caplog.text
    assert here.incident(1)["state"] == "open"
