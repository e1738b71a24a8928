"""A log answers "why" first, in both of Airflow's formats, and shows no secret."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.airflow import logs
from bot.core.airflow.protocol import TaskRef
from bot.slack.replies import log
from bot.slack.text.limits import fit
from tests.slack.reading import buttons, checked, last, line

REF = TaskRef("sales_daily", "manual__1", "load", 6)
_FRAME = {"filename": "dags/sales.py", "lineno": 42, "name": "load", "line": "connect(dsn)"}
_EVENTS: list[dict[str, Any]] = [
    {"timestamp": "2026-11-22T05:12:00.1Z", "level": "info",
     "event": "connecting to postgresql://etl:hunter2@db:5432/sales"},
    {"timestamp": "2026-11-22T05:12:40Z", "level": "error", "event": "Task failed with exception",
     "error_detail": [{"exc_type": "OperationalError", "exc_value": "Connection refused", "frames": [_FRAME]}]},
    {"timestamp": "2026-11-22T05:12:41Z", "level": "info", "event": "Task instance in failure state"},
]  # fmt: skip
THREE = "\n".join(map(json.dumps, _EVENTS)).encode()
TWO = b"""worker-3
[2026-11-22T05:12:00.123+0000] {sales.py:40} INFO - connecting to postgresql://etl:hunter2@db:5432/sales
[2026-11-22T05:12:40.001+0000] {taskinstance.py:3311} ERROR - Task failed with exception
Traceback (most recent call last):
  File "dags/sales.py", line 42, in load
    connect(dsn)
OperationalError: Connection refused
[2026-11-22T05:12:41.000+0000] {local_task_job_runner.py:266} INFO - Task instance in failure state
"""
SHOWN = [
    "05:12:00 INFO  connecting to postgresql://etl:•••@db:5432/sales",
    "05:12:40 ERROR Task failed with exception",
    "Traceback (most recent call last):",
    '  File "dags/sales.py", line 42, in load',
    "    connect(dsn)",
    "OperationalError: Connection refused",
    "05:12:41 INFO  Task instance in failure state",
]


def said(raw: tuple[str, ...], **given: Any) -> Any:
    return checked(log.log(REF, raw, given.pop("this", 3), **given))


def test_both_formats_are_shown_alike_and_masked() -> None:
    for raw in (logs.from_events(THREE).lines, logs.from_text(TWO).lines):
        message = said(raw, url="https://airflow.example.com/x", host="worker-3", tries=3)
        assert line(message, "rich_text").split("\n") == SHOWN
        assert line(message, "section") == (
            "*sales_daily.load[6]*, try 3/3 on worker-3 · last 7 of 7 lines · <https://airflow.example.com/x|whole log>"
        )
        assert last(message) == "1 secret masked"


def test_the_last_error_stands_first_when_it_is_above_the_tail() -> None:
    noise = tuple(f"[2026-11-22T05:13:{n:02}Z] INFO - waiting {n}" for n in range(30))
    message = said((*logs.from_text(TWO).lines, *noise), wanted=5)
    shown = line(message, "rich_text").split("\n")
    assert shown[:6] == [*SHOWN[1:6], "… 26 lines"]
    assert shown[6:] == [f"05:13:{n} INFO  waiting {n}" for n in range(25, 30)]
    assert "10 of 37 lines, the last error first" in line(message, "section")
    assert "more: `/airflow logs sales_daily.load[6]@manual__1 50`" in last(message)


def test_of_several_errors_the_last_one_counts() -> None:
    first = ("[2026-11-22T05:00:00Z] ERROR - the first one", "Traceback (most recent call last):", "KeyError: 'old'")
    noise = ("[2026-11-22T05:13:00Z] INFO - waiting",) * 20
    shown = line(said((*first, *noise, *logs.from_text(TWO).lines, *noise), wanted=3), "rich_text").split("\n")
    assert shown[:5] == SHOWN[1:6]
    assert "the first one" not in "".join(shown)


def test_the_end_of_a_log_of_megabytes_is_what_is_shown() -> None:
    raw = tuple(f"[2026-11-22T05:12:41Z] INFO - line {n} {'x' * 100}" for n in range(20_000))
    shown = line(said(raw, wanted=3), "rich_text").split("\n")
    assert [text.split()[3] for text in shown] == ["19997", "19998", "19999"]


def test_of_a_long_error_the_exception_stays() -> None:
    frames = tuple(f'  File "dags/x.py", line {n}, in deep' for n in range(60))
    raw = (
        "[2026-11-22T05:12:40Z] ERROR - Task failed",
        *frames,
        "ValueError: the end",
        *["[2026-11-22T05:12:41Z] INFO - bye"] * 40,
    )
    shown = line(said(raw, wanted=3), "rich_text").split("\n")
    assert shown[:2] == ["05:12:40 ERROR Task failed", "… 48 lines"]
    assert "ValueError: the end" in shown
    assert shown[-1] == "05:12:41 INFO  bye"


def test_other_tries_are_a_press_away() -> None:
    def labels(this: int, tries: int) -> list[tuple[str, str]]:
        return [(label, value) for _, label, value, _ in buttons(said(("x",), this=this, tries=tries, where="prod:"))]

    name = "logs prod:sales_daily.load[6]@manual__1 try"
    assert labels(2, 3) == [("Try 1", f"{name} 1"), ("Try 3", f"{name} 3")]
    assert labels(3, 3) == [("Try 2", f"{name} 2")]
    assert labels(1, 1) == []


def test_a_log_without_lines_says_so() -> None:
    assert "no lines" in line(said(()), "section")


@given(st.lists(st.text(max_size=300), max_size=80), st.integers(1, 50))
def test_whatever_a_log_holds_slack_takes_it(raw: list[str], wanted: int) -> None:
    lines = tuple("\n".join(raw).splitlines())
    checked(log.log(REF, lines, 2, wanted=wanted, tries=3))


@given(st.lists(st.sampled_from([*SHOWN, "05:12:50 INFO  more"]), max_size=60), st.integers(1, 50))
def test_an_excerpt_is_in_order_and_ends_as_the_log_ends(lines: list[str], wanted: int) -> None:
    shown = log.excerpt(lines, wanted)
    assert shown[-1:] == lines[-1:]
    rest = iter(lines)
    assert all(text in rest for text in shown if not text.startswith("…"))


def test_a_secret_in_a_line_of_a_megabyte_is_masked() -> None:
    raw = ("x" * 60_000 + " password=hunter2", *["[2026-11-22T05:12:41Z] INFO - token=hunter3"] * 3_000)
    message = fit(log.log(REF, raw, 1, wanted=50))
    assert "hunter" not in str(message)
    assert "•••" in line(message, "rich_text")
