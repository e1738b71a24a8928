"""Slack is away, the bot is killed, an answer is lost: what was accepted is shown, and shown once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from bot.responder.alerts import delivery
from bot.sandbox.slack.delivery.http_mode import FORM, signed
from bot.sandbox.slack.rules.config import Config
from tests.scenarios.room import Room, a_room, signal
from tests.scenarios.waiting import eventually

CAUSES = ("ValueError", "KeyError", "OSError", "RuntimeError", "LookupError", "TypeError")


def causes(*names: str) -> list[dict[str, object]]:
    """Failures that have nothing to do with each other."""
    return [signal(dag_id=f"dag_{name.lower()}", exception={"type": name, "message": "broke"}) for name in names]


def shown_once(room: Room, *names: str) -> None:
    room.settled()
    counted = Counter({name: len(room.messages(f"dag_{name.lower()}.load")) for name in names})
    assert counted == Counter(names), room.all_words()


FAULTS: dict[str, Callable[[Room], None]] = {
    "down": lambda room: room.fault(kind="down"),
    "rate_limit": lambda room: room.fault(kind="rate_limit", retry_after=1),
    "internal_error": lambda room: room.fault(kind="error", code="internal_error", method="chat.postMessage"),
    "lost_answer": lambda room: room.fault(kind="lost_answer", method="chat.postMessage", count=1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_slack_did_not_take_is_owed_and_shown_once_as_it_is_then(room: Room, fault: str) -> None:
    FAULTS[fault](room)
    room.report()
    tried = lambda: [row for row in room.eyes.log("chat.postMessage") if not row["ok"] or row["lost"]]  # noqa: E731
    eventually(tried, room.eyes.log)
    room.report(task_id="publish")
    assert room.incident(1)["alerts"][0]["shown"] == 0 or fault == "lost_answer"
    room.eyes.no_more_faults()
    alert = room.expect("2 failures in sales_daily", seconds=40)
    room.settled()
    assert len(room.messages()) == 1
    assert room.incident(1)["alerts"][0]["ref"] == alert.ts


def test_an_archived_channel_is_said_and_tried_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PERMANENT_RETRY", timedelta(seconds=2))
    room.fault(kind="error", code="is_archived", method="chat.postMessage")
    room.report()

    def said() -> str:
        return str(room.incident(1)["alerts"][0]["error"] or "")

    assert "archived" in eventually(said, lambda: room.incident(1))
    assert "archived" in room.get("/readyz").text
    room.eyes.no_more_faults()
    room.report(task_id="publish")
    room.expect("2 failures in sales_daily", seconds=40)
    room.settled()
    assert len(room.messages()) == 1


def test_a_killed_bot_forgets_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with a_room(tmp_path, apart=True) as room:
        room.report_all(causes(*CAUSES[:4]))
        room.bot.kill()
        claimed(tmp_path)
        room.start_bot()
        room.report_all(causes(*CAUSES[4:]))
        room.expect("dag_")
        room.bot.kill()
        room.start_bot()
        shown_once(room, *CAUSES)


def claimed(folder: Path) -> None:
    """As the bot leaves its store when it is killed in the middle of a post, which no test can time."""
    connection = sqlite3.connect(folder / "windsock.db")
    with connection:
        connection.execute("update alerts set claimed_until = 4102444800000000, posting = 1 where shown = 0")
    connection.close()


def test_a_message_that_somebody_deleted_is_posted_anew(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.settled()
    delete(room, alert.ts)
    assert room.messages() == []
    room.say("/airflow ack A-1")
    again = room.expect("Ana has it")
    assert again.ts != alert.ts
    again.press("Unacknowledge")
    again.expect_edit("Nobody has it")
    assert len(room.messages()) == 1


def delete(room: Room, ts: str) -> None:
    token = {"Authorization": f"Bearer {Config().bot_token}"}
    body = {"channel": "C0ALERTS", "ts": ts}
    answer = httpx.post(f"{room.eyes.url}/api/chat.delete", json=body, headers=token, trust_env=False)
    assert answer.json()["ok"], answer.text


def test_pagerduty_away_is_said_and_rung_later(room: Room) -> None:
    httpx.post(f"{room.pagerduty.url}/_sandbox/faults", json={"kind": "down"}, trust_env=False)
    room.report(tags=["critical"])
    alert = room.expect("🚨 sales_daily.load failed")
    alert.expect_edit("PagerDuty answered 503")
    assert room.pagerduty.incidents() == []
    httpx.delete(f"{room.pagerduty.url}/_sandbox/faults", trust_env=False)
    room.pagerduty.expect("triggered", seconds=40)


def test_http_mode_answers_and_refuses_what_slack_did_not_sign(tmp_path: Path) -> None:
    with a_room(tmp_path, mode="http") as room:
        room.report()
        alert = room.expect("sales_daily.load failed")
        room.say("/airflow help").expect_ephemeral("clear", "status")
        alert.press("Acknowledge")
        alert.expect_edit("Ana has it")
        alert.press("Resolve").expect_modal("Resolve").submit(note="over HTTP")
        alert.expect_edit("✅", "over HTTP")
        now, secret = int(time.time()), Config().signing_secret
        assert ask(room, secret, now).status_code == 200
        for wrong in (ask(room, secret, now - 400), ask(room, secret, now + 400), ask(room, "guess", now),
                      ask(room, "", now)):  # fmt: skip
            assert wrong.status_code == 401, wrong.text
        room.say("/airflow status").expect_ephemeral("No open alerts")


@pytest.mark.parametrize("way", ["command", "window"])
def test_what_slack_delivers_twice_is_done_once(tmp_path: Path, way: str) -> None:
    with a_room(tmp_path, mode="http") as room:
        room.report()
        room.expect("sales_daily.load failed")
        for trigger in ("1.a", "1.a", "1.a", "2.b"):
            if way == "command":
                text = "silence A-1 for 2h noise"
                assert ask(room, Config().signing_secret, int(time.time()), text, trigger).status_code == 200
            else:
                assert filled_in(room, trigger).status_code == 200
        with sqlite3.connect(tmp_path / "windsock.db") as store:
            made = eventually(lambda: two_silences(store), lambda: list(store.execute("select * from audit")))
            heard = [row[0] for row in store.execute("select count(*) from audit where verb = 'silence'")]
        assert len(made) == 2
        assert heard == [2]


def silences(store: sqlite3.Connection) -> list[tuple[str, str]]:
    return list(store.execute("select scope, reason from silences"))


def two_silences(store: sqlite3.Connection) -> list[tuple[str, str]]:
    """Both of them, when the last one was made: deliveries are worked on in their order or side by side."""
    made = silences(store)
    return made if len(made) >= 2 else []


def filled_in(room: Room, trigger: str) -> httpx.Response:
    """The window that asks how long to be silent, as Slack sends it."""
    person = {"id": "U0ANA", "name": "ana", "username": "ana", "team_id": "T0WINDSOCK"}
    values = {
        "what": {"what": {"selected_option": {"value": "dag:sales_daily"}}},
        "how-long": {"how-long": {"selected_option": {"value": "2h"}}},
        "reason": {"reason": {"value": "noise"}},
    }
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": "silence",
        "private_metadata": "A-1",
        "state": {"values": values},
    }
    payload = {"type": "view_submission", "user": person, "team": {"id": "T0WINDSOCK"}, "api_app_id": "A0WINDSOCK",
               "trigger_id": trigger, "view": view, "response_urls": []}  # fmt: skip
    return posted(room, Config().signing_secret, int(time.time()), {"payload": json.dumps(payload)})


def ask(room: Room, secret: str, at: int, text: str = "help", trigger: str = "1") -> httpx.Response:
    """A slash command as Slack would send it, signed with this secret at this time; with none, not signed."""
    return posted(room, secret, at, {
        "command": "/airflow", "text": text, "user_id": "U0ANA", "user_name": "ana", "channel_id": "C0ALERTS",
        "response_url": f"{room.eyes.url}/actions/none", "trigger_id": trigger, "team_id": "T0WINDSOCK",
    })  # fmt: skip


def posted(room: Room, secret: str, at: int, form: dict[str, str]) -> httpx.Response:
    body = urlencode(form).encode()
    headers = signed(secret, body, at) if secret else {}
    return httpx.post(
        f"{room.url}/slack/events", content=body, headers={"Content-Type": FORM, **headers}, trust_env=False
    )
