"""Answers about Airflow's parts and its past: no secret in them, no figure that is not known, nothing foreign alive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.airflow.protocol import Connection, ConnectionTest, Dag, ImportFault, Job, Pool, Variable
from bot.responder.lookups.report_card import Card
from bot.responder.questions import CheckSeen, OnCall, RunSeen, TaskSeen, Took
from bot.slack.replies import airflow_parts, dag_and_task, history
from bot.slack.text.columns import bar
from tests.slack.reading import checked, last, line

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["<!channel>", ":fire:", "`*_~`", "https://x.example.com", "\u202e", "a" * 5_000]
)


@pytest.mark.parametrize(
    ("key", "value", "seen", "hidden"),
    [
        ("batch_size", "500", "500", ""),
        ("db_password", "hunter2", "•••", "hunter2"),
        ("API-KEY", "hunter2", "•••", "hunter2"),
        ("gcp_keyfile_dict", "hunter2", "•••", "hunter2"),
        ("settings", '{"host": "db", "nested": [{"api_key": "hunter2"}]}', '"host": "db"', "hunter2"),
        ("dsn", "postgresql://etl:hunter2@db/sales", "postgresql://etl:•••@db/sales", "hunter2"),
        ("odd", "gH7dkQ2mZ9pLx4RvT8wYbN3c", "•••", "gH7dkQ2"),
        ("masked_by_three", "***", "***", ""),
        ("path", "s3://bucket/path/to/things/2026", "s3://bucket/path/to/things/2026", ""),
    ],
)
def test_a_secret_is_masked_by_its_name_or_its_look(key: str, value: str, seen: str, hidden: str) -> None:
    message = checked(airflow_parts.variable(Variable(key, value)))
    assert seen in line(message, "rich_text")
    assert not hidden or hidden not in repr(message)
    assert ("masked: it looks like a secret" in last(message)) == (
        "•••" in seen or "hunter2" in hidden or seen == "***"
    )


def test_a_bar_is_full_only_when_nothing_is_left() -> None:
    assert (bar(0, 4), bar(4, 4)) == ("░" * 16, "█" * 16)
    assert bar(127, 128).count("█") == 15
    assert bar(1, 10_000).count("█") == 1
    assert bar(3, 0) == "░" * 16


def test_a_pool_without_an_end_is_never_full() -> None:
    told = [("prod", [Pool("endless", -1, 900, 3, 0, 0, -1), Pool("none", 0, 0, 0, 4, 0, 0)])]
    message = checked(airflow_parts.pools(told))
    assert line(message, "section") == "2 pools, *1 full*"
    assert "✓ room  endless" in line(message, "rich_text")
    assert "903/∞" in line(message, "rich_text")


def test_a_job_that_is_silent_is_said_and_one_that_never_beat() -> None:
    jobs = [
        Job("scheduler", "s-0", "running", NOW - timedelta(seconds=94), False),
        Job("dag_processor", "", "", None, True),
    ]
    message = checked(airflow_parts.jobs([("prod", jobs)], NOW))
    assert line(message, "section") == "2 jobs, *1 silent*"
    assert line(message, "rich_text").split("\n") == [
        "✗ silent  scheduler      94 s ago  running  s-0", "✓ beats   DAG processor  never",
    ]  # fmt: skip


def test_no_import_error_is_good_news() -> None:
    assert line(checked(airflow_parts.import_errors([("prod", [])])), "section") == "*Every DAG file imports*"


def a_card(**changed: object) -> Card:
    runs = [RunSeen(f"r{n}", "failed" if n == 3 else "success", NOW - timedelta(hours=n), 100.0 + n) for n in range(62)]
    tasks = [
        TaskSeen("load", 62, 1, 4, 200.0, 900.0),
        TaskSeen("quick", 62, 0, 0, 1.0, 2.0),
        TaskSeen("never", 1, 1, 0),
    ]
    given: dict[str, object] = {"deployment": "prod", "dag_id": "sales", "days": 7, "runs": runs, "before": runs[:1],
                                "tasks": tasks, "goal": 99.2, "source": "metastore", "now": NOW}  # fmt: skip
    return Card(**(given | changed))  # type: ignore[arg-type]


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
    took = [Took("sales", "load", 24, 1_080.0, 1_200.0, 168, 540.0, 600.0)]
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


@given(HOSTILE, HOSTILE)
def test_no_answer_is_broken_by_what_others_wrote(one: str, two: str) -> None:
    one = one or "x"
    for message in (
        airflow_parts.variable(Variable(one, two, two), one),
        airflow_parts.connection(Connection(one, two, one, 1, two, one, two), one),
        airflow_parts.connection_test(one, ConnectionTest(False, two or "no")),
        airflow_parts.import_errors([(one, [ImportFault(two, f'File "{two}", line 3\n{one}', NOW, two)]), (two, one)]),
        airflow_parts.pools([(one, [Pool(two, 3, 1, 0, 0, 0, 2)])]),
        airflow_parts.jobs([(one, [Job(two, one, two, NOW, True)])], NOW),
        history.report(a_card(dag_id=one, source=two, runs=[RunSeen(two, "failed", NOW, 1.0)])),
        history.slow([(one, [Took(two, one, 3, 9, 9, 3, 1, 1)], two)], "24 h", "7 days"),
        history.check([(one, CheckSeen(one, two, [one, two])), (two, one)], one),
        history.on_call([OnCall(1, one, two, one)], NOW),
        dag_and_task.dag(Dag(one, False, (two,), (one,), two), [], [], NOW),
    ):
        checked(message)
