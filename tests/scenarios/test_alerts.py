"""What a failure looks like in the channel, from the first message to the green one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenarios.room import REFUSED, RUN, Room, signal

WAREHOUSE = ("ledger_daily", "invoices_daily", "payments_hourly", "refunds_hourly", "stock_daily", "shipments_daily")
HOSTILE = (
    '<!channel> <@U0ANA> <https://evil.example|ok> *b* `c` ```d``` &lt; <script>alert(1)</script> :tada: "x" \u202egpj'
)


def test_a_failure_becomes_an_alert_that_says_what_why_and_whose(room: Room) -> None:
    room.report(log_url="https://airflow.example.com/log")
    alert = room.expect("🔴 sales_daily.load failed: ValueError: row 4711")
    assert alert.row["text"].endswith("Nobody has it yet. A-1")
    assert len(alert.row["text"]) <= 150
    for fact in ("Try 1/1", "data-eng", RUN, "ValueError: row 4711: amount is not a number", "A-1"):
        assert fact in alert.words
    assert alert.row["attachments"][0]["color"] == "#D55E00"
    alert.expect_thread("sales_daily.load failed", "ValueError", "in load")
    assert alert.row["edits"] == 0, "a message that nothing happened to was edited"


def test_a_success_turns_it_green(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.report("task_succeeded", try_number=2)
    alert.expect_edit("✅", "sales_daily.load is well again", "by itself", without="🔴")
    assert alert.row["attachments"][0]["color"] == "#009E73"
    assert "Acknowledge" not in alert.labels
    assert len(room.messages()) == 1


def test_the_same_failure_told_three_times_is_one_message(room: Room) -> None:
    told = [room.report(source=source) for source in ("listener", "callback", "sweep")]
    assert told == [{"accepted": 1, "duplicates": 0}, *[{"accepted": 0, "duplicates": 1}] * 2]
    room.expect("sales_daily.load failed")
    room.settled()
    assert len(room.messages()) == 1
    assert room.incident(1)["counts"]["failures"] == 1


def test_six_dags_with_one_cause_are_one_message_with_the_count(room: Room) -> None:
    room.report(dag_id=WAREHOUSE[0], exception=REFUSED)
    alert = room.expect("ledger_daily.load failed: the connection was refused")
    room.report_all([signal(dag_id=dag, exception=REFUSED) for dag in WAREHOUSE[1:]])
    alert.expect_edit("6 failures in 6 DAGs", "the connection was refused", "One cause, so one alert.")
    room.settled()
    assert len(room.messages()) == 1
    assert sorted(one["dag_id"] for one in room.incident(1)["subjects"]) == sorted(WAREHOUSE)
    room.report_all([signal("task_succeeded", dag_id=dag, try_number=2) for dag in WAREHOUSE[:5]])
    alert.expect_edit("6 failures in 6 DAGs")
    assert room.incident(1)["state"] == "open"
    room.report("task_succeeded", dag_id=WAREHOUSE[5], try_number=2)
    alert.expect_edit("✅", "6 failures in 6 DAGs are well again")


def test_what_comes_back_within_hours_is_the_same_alert_again(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    room.report("task_succeeded", try_number=2)
    alert.expect_edit("✅")
    room.report(run_id="scheduled__2026-11-23T05:00:00+00:00")
    alert.expect_edit("🔁", "Again", "sales_daily.load", "2nd time")
    alert.expect_thread("Failed again, 2nd time")
    assert any(row["broadcast"] for row in room.eyes.rows()), "an edit rings nobody: that it is back must be heard"
    assert room.incident(1)["counts"]["things"] == 2


def test_a_file_that_does_not_import_and_its_recovery(room: Room) -> None:
    broken = {"type": "ModuleNotFoundError", "message": "No module named 'holidays'"}
    room.report("import_error", file="finance/ledger.py", exception=broken, dags=["ledger_daily", "ledger_monthly"])
    alert = room.expect("finance/ledger.py does not import: 2 DAGs are gone", "holidays")
    assert "Retry" not in alert.labels
    assert "Runbook" in alert.labels
    room.report("import_fixed", file="finance/ledger.py")
    alert.expect_edit("✅", "finance/ledger.py", "well again")


def test_a_finding_of_a_check_and_its_recovery(room: Room) -> None:
    silent = "The scheduler is silent: no heartbeat for 4 min. No task is started."
    room.report("check_failed", sentence=silent, source="sweep", severity="critical", runbook="scheduler-silent")
    alert = room.expect("🚨 The scheduler is silent: no heartbeat for 4 min")
    assert "Retry" not in alert.labels
    assert "Runbook" in alert.labels
    assert "Check again" in alert.labels
    room.report("check_ok", sentence="The scheduler beats again after 5 min.", source="sweep")
    alert.expect_edit("✅", "The scheduler beats again after 5 min", without="🚨")


def test_a_run_that_fails_before_its_task_is_told_is_one_message_with_it(room: Room) -> None:
    room.report("run_failed")
    alert = room.expect("sales_daily failed: no task reported")
    room.report()
    alert.expect_edit("🔴 sales_daily.load failed: ValueError", without="no task reported")
    alert.expect_thread("sales_daily.load failed", "in load")
    room.settled()
    assert len(room.messages()) == 1
    assert room.incident(1)["counts"]["failures"] == 1


def test_a_run_whose_task_belongs_to_a_known_cause_leaves_one_alert_open(room: Room) -> None:
    room.report(dag_id="stock_daily")
    storm = room.expect("stock_daily.load failed")
    room.report("run_failed")
    run = room.expect("sales_daily failed: no task reported")
    room.report()
    storm.expect_edit("2 failures in 2 DAGs")
    run.expect_edit("✅", "explained by A-1")
    assert [one["id"] for one in room.get("/v1/incidents?state=open").json()["incidents"]] == [1]


def test_a_run_that_fails_after_its_task_was_told_says_nothing_more(room: Room) -> None:
    room.report()
    room.expect("sales_daily.load failed")
    room.report("run_failed")
    room.settled()
    assert len(room.messages()) == 1


def test_without_an_airflow_nothing_that_needs_one_is_offered(room: Room) -> None:
    room.report()
    alert = room.expect("sales_daily.load failed")
    assert not {"Retry", "Mark success", "Pause DAG", "Logs"} & set(alert.labels), alert.labels
    room.say("/airflow clear A-1").expect_ephemeral("Nothing was changed", "No Airflow is configured here")


def test_hostile_text_stays_text(room: Room) -> None:
    fields = {name: HOSTILE for name in ("owner", "operator", "hostname", "pool", "queue")}
    exception = {"type": HOSTILE, "message": HOSTILE * 30, "traceback": f"Traceback\n{HOSTILE}\n" * 200}
    room.report(dag_id=HOSTILE[:200], run_id=HOSTILE[:200], task_id=HOSTILE[:200], exception=exception, tags=[HOSTILE],
                log_url=f"https://airflow.example.com/{HOSTILE}", extra={HOSTILE: HOSTILE}, **fields)  # fmt: skip
    room.report("check_failed", name=HOSTILE[:200], check="pool-full", sentence=HOSTILE)
    room.report("import_error", file=HOSTILE[:200], exception=exception, dags=[HOSTILE])
    for name in ("A-1", "A-2", "A-3"):
        alert = room.expect(f" {name}")
        alert.press("Acknowledge")
        alert.expect_edit("Ana has it")
    for command in ("show A-1", f"resolve A-1 {HOSTILE}", f"silence A-2 for 1h {HOSTILE}", HOSTILE, f"help {HOSTILE}",
                    f"clear {HOSTILE}", f"runbook {HOSTILE}", "open", "silences", "show A-1"):  # fmt: skip
        assert room.say(f"/airflow {command}").ok
    room.settled()
    for row in room.eyes.rows():
        assert live_marks(row) <= {"<@U0ANA>"}, row
    assert all(answer["ok"] for answer in room.eyes.log() if answer["kind"] == "api"), room.eyes.log()


def live_marks(row: dict[str, Any]) -> set[str]:
    """Mentions and links that Slack would bring to life, but dates and links to the sandbox's own addresses."""
    markup = [row["text"], *_markup(row["blocks"]), *_markup(row["attachments"])]
    marks = {mark for said in markup for mark in re.findall(r"<[^<>]*>", said)}
    return {mark for mark in marks if not re.match(r"<!date\^|<https?://(127\.|airflow\.example)", mark)}


def _markup(node: Any) -> Iterator[str]:
    """Texts in which marks are alive; plain and preformatted ones bring nothing to life."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node["text"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _markup(inner)


TOO_LARGE = b'{"signals": ["' + b"x" * (1 << 20) + b'"]}'
BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no JSON": ({"content": b"{"}, 400, "JSON"),
    "a field is missing": ({"json": signal(dag_id=None)}, 422, "dag_id"),
    "a kind that does not exist": ({"json": signal(kind="task_exploded") | {"kind": "boom"}}, 422, "kind"),
    "too large": ({"content": TOO_LARGE}, 413, ""),
    "a wrong token": ({"json": signal(), "headers": {"Authorization": "Bearer guess"}}, 401, "Authorization"),
    "no token": ({"json": signal(), "headers": {}}, 401, "Authorization"),
    "not UTF-8": ({"content": b'{"kind": "\xff"}'}, 400, ""),
    "NaN": ({"content": b'{"kind": "task_failed", "try_number": NaN}'}, 400, ""),
    "too deep": ({"content": b'{"kind": "task_failed", "extra": ' + b"[" * 5000 + b"]" * 5000 + b"}"}, 400, ""),
}


def test_whatever_a_sender_sends_the_bot_serves_on(room: Room) -> None:
    for name, (request, status, word) in BAD.items():
        answer = room.post(**request)
        assert answer.status_code == status or (400 <= answer.status_code < 500 and status in (400, 422)), (
            name,
            answer,
        )
        assert word in answer.text, (name, answer.text)
        assert answer.json()["error"], name
    room.report()
    room.expect("sales_daily.load failed")
    assert len(room.messages()) == 1


@pytest.mark.parametrize("changed", [{"message": "x" * 900_000}, {"message": "NUL \x00 bell \x07 end"}])
def test_odd_text_never_costs_a_failure(room: Room, changed: dict[str, str]) -> None:
    room.report(exception={"type": "ValueError", "traceback": ""} | changed)
    room.expect("sales_daily.load failed: ValueError")
