"""What people do with an alert, who may, and what everybody sees of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.scenarios.room import REFUSED, Room, a_room, at_once
from tests.scenarios.waiting import eventually


def test_a_person_takes_gives_back_resolves_and_reopens(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    alert.press("Acknowledge", user="ana")
    alert.expect_edit("👀 Ana has it", "sales_daily.load").expect_thread("Ana has it")
    alert.press("Unacknowledge", user="ben")
    alert.expect_edit("🔴 sales_daily.load failed", "Nobody has it").expect_thread("Ben gave it back")
    alert.press("Acknowledge", user="ben")
    alert.expect_edit("Ben has it")
    modal = alert.press("Resolve", user="cleo").expect_modal("Resolve", "A-1", "What helped?")
    assert modal.submit(note="the disk was full").ok
    alert.expect_edit("✅", "Cleo resolved it", "the disk was full").expect_thread("Cleo", "the disk was full")
    alert.press("Reopen", user="dev")
    alert.expect_edit("sales_daily.load", "Acknowledge", without="✅").expect_thread("Dev opened it again")
    everything = [("", "opened"), ("Ana", "acknowledged"), ("Ben", "unacknowledged"), ("Ben", "acknowledged"),
                  ("Cleo", "resolved"), ("Dev", "reopened")]  # fmt: skip
    assert room.timeline(1) == everything
    assert len(room.messages("sales_daily.load")) == 1


def test_an_empty_note_is_no_obstacle(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    alert.press("Acknowledge")
    alert.press("Resolve").expect_modal("Resolve").submit()
    alert.expect_edit("✅", "Ana resolved it by hand")


def test_the_second_person_is_told_who_was_first(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    answers = at_once(*[lambda user=user: alert.press("Acknowledge", user=user) for user in ("ana", "ben", "cleo")])
    alert.expect_edit(" has it", without="Nobody has it")
    first = room.incident(1)["holder"]
    late = [answer for answer in answers if answer.user != first.lower()]
    assert len(late) == 2
    for answer in late:
        answer.expect_ephemeral("Nothing was changed", f"{first} has A-1 already")
    assert [what for _, what in room.timeline(1)] == ["opened", "acknowledged"]


def test_commands_do_what_buttons_do(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.say("/airflow ack A-1").expect_ephemeral("You have A-1")
    alert.expect_edit("Ana has it")
    room.say("/airflow ack A-1", user="ben").expect_ephemeral("Nothing was changed", "Ana has A-1 already")
    room.say("/airflow resolve A-1 new disk", user="ben").expect_ephemeral("A-1 is resolved")
    alert.expect_edit("✅", "Ben resolved it", "new disk")
    room.say("/airflow show A-1").expect_ephemeral("Ana", "Ben", "new disk")
    room.say("/airflow resolve A-99").expect_ephemeral("Nothing was changed", "There is no alert A-99")


def test_a_critical_alert_rings_and_pagerduty_follows(room: Room) -> None:
    room.report(tags=["critical"])
    alert = room.expect("🚨 sales_daily.load failed")
    rung = room.pagerduty.expect("triggered")
    assert rung["severity"] == "critical"
    assert "sales_daily.load failed" in rung["summary"]
    alert.expect_edit("PagerDuty")
    alert.press("Acknowledge")
    alert.expect_edit("Ana has it")
    assert room.pagerduty.expect("acknowledged")["id"] == rung["id"]
    room.report("task_succeeded", try_number=2)
    alert.expect_edit("✅ ", "well again")
    assert room.pagerduty.expect("resolved")["id"] == rung["id"]
    assert len(room.pagerduty.incidents()) == 1


def test_what_is_not_critical_rings_nobody_until_somebody_escalates(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.settled()
    assert room.pagerduty.incidents() == []
    alert.press("Escalate", user="ben").expect_modal("Escalate", "A-1").submit(reason="month-end closes at 08:00")
    room.pagerduty.expect("triggered")
    alert.expect_edit("PagerDuty").expect_thread("Ben escalated it", "month-end closes at 08:00")


def test_a_silence_asks_for_how_long_and_can_be_ended(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    modal = alert.press("Silence").expect_modal("Silence", "A-1", "For how long", "Why")
    modal.submit(what="sales_daily.load only", how_long="2 hours", reason="the file is late")
    alert.expect_edit("🔕 Quiet", "the file is late", "Ana").expect_thread("Ana silenced it", "the file is late")
    room.report(run_id="scheduled__2026-11-23T05:00:00+00:00")
    alert.expect_edit("🔕 Quiet", "2 failures")
    room.settled()
    assert room.pagerduty.incidents() == []
    room.say("/airflow silences").expect_ephemeral("S-1", "the file is late")
    alert.press("End silence", user="ben")
    alert.expect_edit("2 failures", without="🔕").expect_thread("Ben ended the silence")


def test_a_silence_made_for_an_error_does_not_keep_a_critical_failure_quiet(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.say("/airflow silence A-1 for 2h the file is late").expect_ephemeral("S-1")
    alert.expect_edit("🔕 Quiet")
    room.report(tags=["critical"], run_id="scheduled__2026-11-23T05:00:00+00:00")
    room.pagerduty.expect("triggered")
    alert.expect_edit("2 failures").expect_thread("Critical now")


def test_a_silence_without_a_reason_or_a_length_is_not_made(room: Room) -> None:
    room.report()
    modal = room.expect("sales_daily.load failed").press("Silence").expect_modal("Silence")
    assert modal.submit(how_long="1 hour").outcome["errors"] == {"reason": "Please complete this required field."}
    room.say("/airflow silences").expect_ephemeral("No silences")


def test_a_silence_ends_by_itself(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.say("/airflow silence A-1 for 3s just a moment").expect_ephemeral("S-1")
    alert.expect_thread("Ana silenced it", "just a moment")
    alert.expect_edit("🔴 sales_daily.load failed", without="🔕").expect_thread("The silence ended")


def test_the_runbook_is_a_modal_and_a_page(room: Room) -> None:
    room.report(exception=REFUSED)
    alert = room.expect("sales_daily.load failed: the connection was refused")
    modal = alert.press("Runbook").expect_modal("A system refused the connection", "What to do", "The whole page")
    page = room.get("/runbooks/connection-refused")
    assert page.status_code == 200
    assert "A system refused the connection" in page.text
    assert f"{room.url}/runbooks/connection-refused" in modal.words
    room.say("/airflow runbook A-1").expect_ephemeral("A system refused the connection")


def test_a_viewer_is_refused_by_name_of_the_role_and_of_who_can(tmp_path: Path) -> None:
    with a_room(tmp_path, access={"operator": ["U0CLEO"]}) as room:
        room.report()
        alert = room.expect("sales_daily.load failed")
        for label in ("Acknowledge", "Silence", "Escalate"):
            refused = alert.press(label, user="ben")
            refused.expect_ephemeral("Nothing was changed", "*responder*", "you are a *viewer*", "Cleo can do it")
            assert not refused.has_modal
        for command in ("ack A-1", "clear A-1", "mark A-1 success", "pause sales_daily", "trigger sales_daily",
                        "silence A-1 for 1h x", "resolve A-1"):  # fmt: skip
            room.say(f"/airflow {command}", user="ben").expect_ephemeral("Nothing was changed", "viewer", "Cleo")
        room.say("/airflow whoami", user="ben").expect_ephemeral("Ben", "viewer")
        assert "U0CLEO" not in " ".join(room.all_words()), "a refusal mentions somebody, which would ring them"
        assert room.timeline(1) == [("", "opened")]
        assert all(row["text"] == alert.row["text"] for row in room.eyes.rows() if not row["ephemeral_to"]
                   and not row["thread_ts"])  # fmt: skip
        refused_all = {"acknowledge", "silence", "escalate", "clear", "mark", "pause", "trigger", "resolve"}
        eventually(lambda: refused_all <= {verb for who, verb, allowed in audit(tmp_path) if who == "Ben" and not allowed},
                   lambda: audit(tmp_path))  # fmt: skip
        alert.press("Acknowledge", user="cleo")
        alert.expect_edit("Cleo has it")
        eventually(lambda: ("Cleo", "acknowledge", True) in audit(tmp_path), lambda: audit(tmp_path))


def audit(folder: Path) -> list[tuple[str, str, bool]]:
    """(who, verb, allowed), as it stands in the store."""
    connection = sqlite3.connect(folder / "windsock.db")
    try:
        return [(who, verb, bool(ok)) for who, verb, ok in connection.execute("select who, verb, allowed from audit")]
    finally:
        connection.close()


def test_a_group_gives_its_members_the_role(tmp_path: Path) -> None:
    with a_room(tmp_path, access={"responder": ["S0ML"]}) as room:
        room.report()
        alert = room.expect("sales_daily.load failed")
        alert.press("Acknowledge", user="ana").expect_ephemeral("Nothing was changed", "responder")
        alert.press("Acknowledge", user="dev")
        alert.expect_edit("Dev has it")
