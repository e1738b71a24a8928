"""Answers about Airflow's parts and its past: no secret in them, no figure that is not known, nothing foreign alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.airflow.protocol import Connection, ConnectionTest, Dag, ImportFault, Job, Pool, Variable
from bot.responder.questions import CheckSeen, OnCall, RunSeen, TaskDuration
from bot.slack.replies import airflow_parts, dag_and_task, history
from bot.slack.text.columns import bar
from tests.slack.cards import NOW, a_card
from tests.slack.reading import checked, last, line

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
        history.slow([(one, [TaskDuration(two, one, 3, 9, 9, 3, 1, 1)], two)], "24 h", "7 days"),
        history.check([(one, CheckSeen(one, two, [one, two])), (two, one)], one),
        history.on_call([OnCall(1, one, two, one)], NOW),
        dag_and_task.dag(Dag(one, False, (two,), (one,), two), [], [], NOW),
    ):
        checked(message)
