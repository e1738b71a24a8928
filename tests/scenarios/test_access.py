"""Who may, as people see it in Slack: a second person, a broken glass, a group that Slack does not tell, the record of it all."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.airflow.protocol import Airflow, Dag, Run, TaskInstance, TaskRef
from bot.core.roles import Role
from tests.airflow.paper import NOW, PaperAirflow
from tests.scenarios.room import RUN, BotHere, Room, a_room
from tests.scenarios.seen import Message
from tests.scenarios.waiting import eventually

DAG = "sales_daily"
ACCESS: dict[str, Any] = {
    "responder": ["U0ANA", "U0BEN"], "operator": ["S0ML"],
    "rules": [{"verbs": ["clear"], "tag": "finance", "second_person": True}],
    "break_glass": {"who": ["U0ANA"], "minutes": 30},
}  # fmt: skip


def paper() -> PaperAirflow:
    made = PaperAirflow("test")
    made.dags_by_id[DAG] = Dag(DAG, False, tags=("finance",))
    made.runs_by_id[DAG, RUN] = Run(DAG, RUN, "failed", logical_date=NOW, run_after=NOW)
    ref = TaskRef(DAG, RUN, "load", -1)
    made.instances[ref] = TaskInstance(ref, "failed", 1)
    return made


@pytest.fixture
def airflow() -> PaperAirflow:
    return paper()


@pytest.fixture
def guarded(tmp_path: Path, airflow: PaperAirflow) -> Iterator[Room]:
    with a_room(tmp_path, access=ACCESS) as room:
        assert isinstance(room.bot, BotHere)
        room.bot.windsock.services.airflows = {"test": cast(Airflow, airflow)}
        yield room


def audit(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "windsock.db")
    try:
        return list(connection.execute(f"select {columns} from audit order by id"))
    finally:
        connection.close()


def written(folder: Path, lines: int) -> list[tuple[Any, ...]]:
    """The audit, once it has so many lines: the answer comes before its line."""
    eventually(lambda: len(audit(folder, "verb")) >= lines, lambda: audit(folder, "who, verb, argument"))
    return audit(folder, "who, verb, argument")


def asked(room: Room) -> tuple[Message, Message]:
    """An alert, and the request for a second person in its thread, after Ana's Confirm."""
    room.report()
    alert = room.expect(f"{DAG}.load failed")
    room.settled()
    preview = alert.press("Retry").expect_ephemeral("needs a second person")
    preview.press("Confirm: clear 1")
    preview.expect_edit("Waits for a second person", without="Confirm: clear 1")
    alert.expect_thread("Ana asks for a second person", "load")
    row = next(row for row in room.eyes.rows() if "Ana asks for a second person" in row["text"])
    return alert, Message(room.eyes, row["ts"])


def cleared(airflow: PaperAirflow) -> list[Any]:
    return [what for verb, what in airflow.asked if verb == "clear" and not what[1]]


def test_a_second_person_approves_and_both_are_named(guarded: Room, airflow: PaperAirflow, tmp_path: Path) -> None:
    alert, request = asked(guarded)
    assert request.row["thread_ts"] == alert.ts
    assert request.labels == ["Approve: clear 1", "Cancel"]
    request.press("Approve: clear 1", user="ana").expect_ephemeral("Nothing was changed", "someone else must approve")
    request.press("Cancel", user="ben").expect_ephemeral("Only Ana")
    assert cleared(airflow) == []
    request.press("Approve: clear 1", user="ben")
    request.expect_edit("Ana asked, Ben approved", without="Approve: clear 1")
    eventually(lambda: cleared(airflow), lambda: airflow.asked)
    alert.expect_thread("Ana asked, Ben approved it")
    columns = "who, verb, second, outcome, link, incident_id, deployment, plan_digest"
    eventually(lambda: any(line[2] for line in audit(tmp_path, columns)), lambda: audit(tmp_path, columns))
    done = next(line for line in audit(tmp_path, columns) if line[2])
    assert done[:4] == ("Ana", "clear", "Ben", "asked")
    assert done[4].endswith(f"/archives/C0ALERTS/p{request.ts.replace('.', '')}")
    assert done[5:7] == (1, "test")
    assert len(done[7]) == 16


def test_the_first_person_takes_it_back(guarded: Room, airflow: PaperAirflow) -> None:
    alert, request = asked(guarded)
    request.press("Cancel", user="ana")
    request.expect_edit("Ana took it back", "nothing was changed", without="Approve")
    alert.expect_thread("Ana took the request to clear 1 back")
    assert cleared(airflow) == []


def test_whoever_lacks_the_role_cannot_approve(guarded: Room, airflow: PaperAirflow) -> None:
    _, request = asked(guarded)
    assert isinstance(guarded.bot, BotHere)
    grants = dict(guarded.bot.windsock.services.access.grants)
    grants[Role.responder] = frozenset({"U0ANA"})
    guarded.bot.windsock.services.access = replace(guarded.bot.windsock.services.access, grants=grants)
    refused = request.press("Approve: clear 1", user="ben")
    refused.expect_ephemeral("Nothing was changed", "*responder*", "Ana can do it, or ask ml-eng")
    assert cleared(airflow) == []


def test_breaking_the_glass_is_said_loudly_marked_and_over_in_time(guarded: Room, tmp_path: Path) -> None:
    guarded.say("/airflow variable get x").expect_ephemeral("🔒", "*operator*", "ask ml-eng")
    guarded.say("/airflow break-glass 45m month-end").expect_ephemeral("Nothing was changed", "at most 30 min")
    guarded.say("/airflow break-glass 30m").expect_ephemeral("Nothing was changed", "needs a reason")
    guarded.say("/airflow break-glass 30m month-end", user="ben").expect_ephemeral("You may not break the glass")
    guarded.say("/airflow break-glass 30m the month-end load stands still").expect_ephemeral("You are *operator* until")
    guarded.expect("🚨", "Ana broke the glass", "operator for 30 min", "the month-end load stands still")
    guarded.say("/airflow variable get x").expect_ephemeral("has no variable")
    eventually(
        lambda: ("variable", 1) in audit(tmp_path, "verb, break_glass"), lambda: audit(tmp_path, "verb, break_glass")
    )
    guarded.say("/airflow break-glass", user="ben").expect_ephemeral("Ana", "operator")
    guarded.say("/airflow break-glass end").expect_ephemeral("your own role again")
    guarded.expect("Ana is no operator any more", "1 line")
    guarded.say("/airflow variable get x").expect_ephemeral("🔒")
    marked = [line for line in audit(tmp_path, "who, verb, break_glass") if line[2]]
    assert marked == [("Ana", "break-glass", 1), ("Ana", "variable", 1)]


def test_a_group_that_slack_does_not_tell_gives_nobody_a_role_and_the_refusal_says_so(tmp_path: Path) -> None:
    with a_room(tmp_path, access={"responder": ["S0ML", "U0ANA"]}, started=False) as room:
        room.fault(kind="error", method="usergroups.users.list", code="internal_error", seconds=60)
        room.start_bot()
        room.report()
        alert = room.expect(f"{DAG}.load failed")
        alert.press("Acknowledge", user="dev").expect_ephemeral(
            "🔒", "*responder*", "Slack could not be asked who is in"
        )
        alert.press("Acknowledge", user="ana")
        alert.expect_edit("Ana has it")
        room.eyes.no_more_faults()
        assert isinstance(room.bot, BotHere)
        assert room.bot.windsock.slack is not None
        people = room.bot.windsock.slack.people
        eventually(lambda: people.person("U0DEV").groups, lambda: people.person("U0DEV"))
        room.say("/airflow ack A-1", user="dev").expect_ephemeral("Ana has A-1")


@pytest.mark.parametrize("kind", ["deleted", "is_bot", "is_stranger"])
def test_nothing_is_taken_from_an_account_that_is_not_one_of_ours(room: Room, tmp_path: Path, kind: str) -> None:
    room.report()
    alert = room.expect(f"{DAG}.load failed")
    room.eyes.do("account", user="dev", **{kind: True})
    alert.press("Acknowledge", user="dev").expect_ephemeral("Nothing was changed", "Windsock takes nothing from")
    room.say("/airflow status", user="dev").expect_ephemeral("Windsock takes nothing from")
    assert not alert.press("Silence", user="dev").has_modal
    assert room.timeline(1) == [("", "opened")]
    refused = [("acknowledge", 0), ("silence", 0), ("status", 0)]
    eventually(lambda: sorted(audit(tmp_path, "verb, allowed")) == refused, lambda: audit(tmp_path, "verb, allowed"))


def test_everything_that_somebody_sends_leaves_one_line(guarded: Room, tmp_path: Path) -> None:
    room = guarded
    room.report()
    alert = room.expect(f"{DAG}.load failed")
    room.say("/airflow status").expect_ephemeral("A-1")
    eventually(lambda: audit(tmp_path, "verb"), room.all_words)
    room.say("/airflow opne").expect_ephemeral("There is no verb").press("open").expect_ephemeral("A-1")
    room.say("/airflow resolve A-9 token=abc123secret").expect_ephemeral("There is no alert A-9")
    alert.press("Silence").expect_modal("Silence").submit(how_long="1 hour", reason="password=hunter2hunter2")
    alert.expect_edit("🔕 Quiet")
    alert.press("Logs", user="ben")
    preview = room.say("/airflow clear A-1", user="ben").expect_ephemeral("Clear 1")
    preview.press("Cancel", user="ben")
    preview.expect_edit("Cancelled")
    room.say("/airflow pause sales_daily", user="cleo")
    everyone = [
        ("Ana", "status"), ("Ana", "opne"), ("Ana", "run"), ("Ana", "resolve"), ("Ana", "silence"), ("Ana", "silence"),
        ("Ben", "logs"), ("Ben", "clear"), ("Ben", "cancel"), ("Cleo", "pause"),
    ]  # fmt: skip
    eventually(
        lambda: sorted(audit(tmp_path, "who, verb")) == sorted(everyone), lambda: audit(tmp_path, "who, verb, argument")
    )
    everything = json.dumps(audit(tmp_path, "*"))
    assert "hunter2" not in everything
    assert "abc123secret" not in everything
    assert all(link.startswith("http") for (link,) in audit(tmp_path, "link") if link)


def test_the_audit_is_for_operators_and_ones_own_for_everybody(guarded: Room, tmp_path: Path) -> None:
    room = guarded
    room.report()
    alert = room.expect(f"{DAG}.load failed")
    alert.press("Acknowledge", user="ben")
    alert.expect_edit("Ben has it")
    written(tmp_path, 1)
    room.say("/airflow ack A-1").expect_ephemeral("Ben has A-1")
    written(tmp_path, 2)
    room.say("/airflow audit").expect_ephemeral("what you did", "acknowledge").expect_edit("Ana", without="Ben*")
    room.say("/airflow audit @ben").expect_ephemeral("🔒", "*operator*")
    room.say("/airflow audit A-1").expect_ephemeral("🔒", "*operator*")
    room.say("/airflow audit A-1", user="cleo").expect_ephemeral("*Ben*", "*Ana*", "acknowledge")
    room.say("/airflow audit @ben", user="cleo").expect_ephemeral("*Ben*", "acknowledged").expect_edit(
        "", without="*Ana*"
    )
    room.say("/airflow audit sales_nowhere", user="cleo").expect_ephemeral("no such line")
    written(tmp_path, 8)
    rows = exported(tmp_path, "--json")
    assert [json.loads(row)["who"] for row in rows][:2] == ["Ben", "Ana"]
    assert {"at", "who_id", "verb", "argument", "outcome", "second", "break_glass", "link", "plan_digest",
            "deployment", "allowed", "incident_id"} <= set(json.loads(rows[0]))  # fmt: skip
    assert len(exported(tmp_path, "--since", "1d")) == len(rows)
    assert "Ben: acknowledge A-1: acknowledged" in exported(tmp_path)[0]


def exported(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "audit", *arguments], capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"WINDSOCK_STORE__URL": f"sqlite:///{folder / 'windsock.db'}"},
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_request_whose_answer_was_lost_is_asked_once(guarded: Room) -> None:
    guarded.report()
    alert = guarded.expect(f"{DAG}.load failed")
    guarded.settled()
    preview = alert.press("Retry").expect_ephemeral("needs a second person")
    guarded.fault(kind="lost_answer", method="chat.postMessage", count=1)
    preview.press("Confirm: clear 1")
    alert.expect_thread("Ana asks for a second person")
    guarded.say("/airflow break-glass 30m why")
    guarded.expect("Ana broke the glass")
    Message(guarded.eyes, next(r["ts"] for r in guarded.eyes.rows() if "asks for a second" in r["text"])).press(
        "Approve: clear 1", user="ben"
    )
    alert.expect_thread("Ana asked, Ben approved:")
    said = [
        row["text"] for row in guarded.eyes.rows() if "second person:" in row["text"] or "Ben approved:" in row["text"]
    ]
    assert len([text for text in said if "Waits" not in text]) == 1, said
