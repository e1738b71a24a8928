"""Reports and slow tasks: every figure names what it is compared with."""

from __future__ import annotations

from dataclasses import replace

from bot.responder.questions import CheckSeen, OnCall, RunSeen, TaskDuration
from bot.slack.replies import history
from tests.slack.cards import NOW, a_card
from tests.slack.reading import checked, last, line


def test_a_report_says_the_rate_against_the_goal_and_what_failed_last() -> None:
    message = checked(history.report(a_card()))
    assert line(message, "section") == (
        "*sales*, last 7 days: ✗ *98.4 % of 62 runs succeeded*, goal 99.2 %\n"
        "1 failed run, 100 % before · p95 2 min 38 s, 100 s before · 4 retries"
    )
    table = next(b for b in message["blocks"] if b["type"] == "rich_text")["elements"][0]["elements"][0]["text"].split(
        "\n"
    )
    assert table == [
        "task   p50    p95     failed  retries", "load   3 min  15 min  1/62    4", "quick  1 s    2 s     0/62    0",
    ]  # fmt: skip
    assert last(message) == "metastore · next: `/airflow tasks sales@r3`"


def test_a_report_leaves_out_what_is_not_known() -> None:
    running = checked(history.report(a_card(runs=[RunSeen("r", "running", NOW)], before=[], tasks=[])))
    assert "1 run, none of them ended" in line(running, "section")
    assert "p95" not in repr(running)
    assert "had no run in the last 7 days" in line(checked(history.report(a_card(runs=[]))), "section")
    assert "None" not in repr(running)


def test_a_rate_is_never_rounded_up_to_all() -> None:
    runs = [RunSeen(f"r{n}", "failed" if not n else "success", NOW, 1.0) for n in range(5_000)]
    assert "99.9 % of 5000 runs" in repr(checked(history.report(a_card(runs=runs))))


def test_what_grew_slow_says_now_and_then() -> None:
    took = [TaskDuration("sales", "load", 24, 1_080.0, 1_200.0, 168, 540.0, 600.0)]
    message = checked(history.slow([("prod", took, "metastore"), ("old", "it does not answer", "")], "24 h", "7 days"))
    assert line(message, "section") == "*prod* *1 task is slower than before*"
    assert line(message, "rich_text").split("\n")[1].split("  ")[0] == "sales.load"
    assert "⚠️ *old* it does not answer" in repr(message)
    assert last(message) == "last 24 h against the 7 days before · metastore · next: `/airflow report prod:sales`"


def test_a_check_says_well_sick_and_not_asked_apart() -> None:
    well = CheckSeen("stale-heartbeats", "Every running task beats")
    sick = replace(well, findings=["a.b runs without a heartbeat"], runbook="zombie-tasks")
    told: list[tuple[str, CheckSeen | str]] = [("prod", sick), ("eu", well), ("old", "no metastore")]
    message = checked(history.check(told, "stale-heartbeats"))
    sections = [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]
    assert sections == [
        "*Every running task beats*: ✗ 1 finding",
        "✗ *prod* a.b runs without a heartbeat\n✓ *eu* well\n⚠️ *old* no metastore",
    ]
    assert last(message) == "`stale-heartbeats` · asked now · next: `/airflow runbook zombie-tasks`"


def test_who_is_rung_first_is_the_answer() -> None:
    found = [OnCall(1, "Ana Lima", "Data on call", "data-oncall", NOW), OnCall(2, "Ben Okafor", "Data on call")]
    message = checked(history.on_call(found, NOW))
    assert line(message, "section") == "*Ana Lima* is on call until 05:00 UTC"
    assert "level 2  Ben Okafor" in line(message, "rich_text")
    assert "Nobody is on call" in line(checked(history.on_call([], NOW)), "section")
