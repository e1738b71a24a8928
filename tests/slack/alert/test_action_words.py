"""The verbs that change Airflow, from what a person types to the question that they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.airflow.protocol import Run, TaskRef
from bot.core.remediation import Progress
from bot.slack.alert import message as blocks
from bot.slack.api.people import People
from bot.slack.commands import grammar
from bot.slack.commands.registry import answer
from bot.slack.commands.request import Ask
from bot.slack.text.block_kit import Message
from tests.responder.flows import ANA, DAY, RUN, Memory, memory, services_of
from tests.slack.reading import buttons, checked, head, line
from tests.slack.samples import change, held, plan, remediation, view

SECOND = "scheduled__2026-11-21T00:00:00+00:00"


@pytest.fixture
def airflow() -> Memory:
    """`sales` with two runs, each of which failed."""
    made = memory()
    made.runs_of["sales", SECOND] = Run("sales", SECOND, "failed", logical_date=DAY.replace(day=21))
    made.states |= {TaskRef("sales", SECOND, "load", 0): "failed", TaskRef("sales", SECOND, "extract"): "success"}
    made.paused["sales.eu"] = False
    return made


def typed(text: str, airflow: Memory, folder: Path) -> Message:
    """What somebody is answered."""
    ask = Ask(services_of(airflow, folder), ANA, cast(People, None), grammar.parse(text), "C1")
    message: Any = answer(ask)
    return cast(Message, checked(message))


def labels(message: Message) -> list[str]:
    return [label for _, label, *_ in buttons(message)]


@pytest.mark.parametrize(
    ("text", "question", "confirm"),
    [
        ("clear sales", "Clear 1 task instance of sales?", "Confirm: clear 1"),
        ("clear sales@2026-11-20", "Clear 4 task instances of sales?", "Confirm: clear 4"),
        ("clear sales@last-failed all", "Clear 2 task instances of sales?", "Confirm: clear 2"),
        ("clear sales.load[2]@2026-11-20", "Clear 1 task instance of sales?", "Confirm: clear 1"),
        ("clear sales from 2026-11-20 to 2026-11-21", "Clear 5 task instances of sales?", "Confirm: clear 5"),
        ("clear sales.load from 2026-11-20", "Clear 4 task instances of sales?", "Confirm: clear 4"),
        ("clear sales.load --from 2026-11-21 --failed", "Clear 1 task instance of sales?", "Confirm: clear 1"),
        ("retry https://airflow.example.com/dags/sales/runs/scheduled__2026-11-20T00%3A00%3A00%2B00%3A00/tasks/load/mapped/1",
         "Clear 1 task instance of sales?", "Confirm: clear 1"),
        ("mark sales.load[1]@2026-11-20 success", "Mark 1 task instance of sales success?", "Confirm: mark 1 success"),
        ("mark-skipped sales.load@2026-11-20 bad day", "Mark 3 task instances of sales skipped?", "Confirm: mark 3 skipped"),
        ("mark sales@2026-11-20 success", "Mark 1 run of sales success?", "Confirm: mark 1 run success"),
        ("pause sales for 2h bad data", "Pause sales?", "Confirm: pause 1 DAG"),
        ("trigger sales day=2026-11-21", "Trigger sales?", "Confirm: trigger 1 run"),
        ("backfill sales from 2026-11-20 to 2026-11-22", "Backfill 1 date of sales?", "Confirm: backfill 1 date"),
        ("backfill sales from 2026-11-20 to 2026-11-22 failed", "Backfill 3 dates of sales?", "Confirm: backfill 3 dates"),
        ("variable set batch 500", "Set the variable batch?", "Confirm: set 1 variable"),
    ],
)  # fmt: skip
def test_a_command_asks_first_and_changes_nothing(
    text: str, question: str, confirm: str, airflow: Memory, tmp_path: Path
) -> None:
    message = typed(text, airflow, tmp_path)
    assert head(message) == question
    assert labels(message)[0] == confirm
    assert airflow.calls == []


@pytest.mark.parametrize("text", ["clear sales all dry", "mark sales.load@2026-11-20 success --dry", "pause sales dry"])
def test_dry_shows_the_list_and_nothing_to_press(text: str, airflow: Memory, tmp_path: Path) -> None:
    message = typed(text, airflow, tmp_path)
    assert buttons(message) == []
    assert "there is nothing to confirm" in line(message, "context")


def test_what_succeeded_and_would_be_lost_is_said_first(airflow: Memory, tmp_path: Path) -> None:
    message = typed("clear sales@2026-11-20 all", airflow, tmp_path)
    assert line(message, "section").startswith("⚠️ *1 task instance succeeded* and will run again: `extract`")
    assert "Only the 4 failed" in labels(message)


def test_several_runs_are_each_listed_and_said(airflow: Memory, tmp_path: Path) -> None:
    message = typed("clear sales from 2026-11-20 to 2026-11-21", airflow, tmp_path)
    assert "2 runs are touched" in line(message, "section")
    lists = [block["elements"][0]["elements"][0]["text"] for block in message["blocks"] if block["type"] == "rich_text"]
    assert [text.split("\n")[0] for text in lists] == [RUN, SECOND]


def test_a_pause_with_an_end_says_when_it_ends(airflow: Memory, tmp_path: Path) -> None:
    message = typed("pause sales for 2h bad data", airflow, tmp_path)
    assert "It is unpaused by itself at" in line(message, "section")
    assert "paused until" in line(message, "rich_text")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("clear salse failed", "clear sales failed"),
        ("clear sales.laod[2] downstream", "clear sales.load[2] downstream"),
        ("clear sales.load[9]@2026-11-20", "clear sales.load[2]@2026-11-20"),
        ("tasks slaes", "tasks sales"),
    ],
)
def test_what_is_near_is_a_button_that_runs_the_whole_command(
    text: str, runs: str, airflow: Memory, tmp_path: Path
) -> None:
    assert runs in labels(typed(text, airflow, tmp_path))
    assert airflow.calls == []


@pytest.mark.parametrize(
    ("text", "said", "under"),
    [
        ("clear sales from 2026-13-40", "isn't a date", "2026-13-40"),
        ("clear sales faild", "isn't an option of `clear`", "faild"),
        ("backfill sales from monday to noday", "isn't a date", "noday"),
        ("trigger sales conf={\"a\": 1,}", "The conf isn't valid JSON", "}"),
        ("trigger sales conf=[1]", "must be a JSON object", "[1]"),
        ("trigger sales oops", "isn't key=value", "oops"),
        ("pause sales for 2x bad", "isn't a duration", "2x"),
    ],
)  # fmt: skip
def test_a_fault_is_shown_where_it_is(text: str, said: str, under: str, airflow: Memory, tmp_path: Path) -> None:
    message = typed(text, airflow, tmp_path)
    assert said in line(message, "section")
    shown, caret = line(message, "rich_text").split("\n")
    assert shown[caret.index("^") :].startswith(under)
    assert airflow.calls == []


def test_a_link_of_another_airflow_is_refused_by_its_name(airflow: Memory, tmp_path: Path) -> None:
    message = typed("clear https://other.example.org/dags/sales/runs/r1", airflow, tmp_path)
    assert "`other.example.org` isn't one of our Airflows. Known: `airflow.example.com` (prod)" in line(
        message, "section"
    )


def test_a_list_that_does_not_fit_is_offered_as_a_file(tmp_path: Path) -> None:
    airflow = memory()
    airflow.states |= {TaskRef("sales", RUN, f"task_{number:02}"): "failed" for number in range(30)}
    message = typed("clear sales@2026-11-20", airflow, tmp_path)
    assert "Whole list as a file" in labels(message)
    assert "Whole list as a file" not in labels(typed("clear sales.load@2026-11-20", airflow, tmp_path))


@pytest.mark.parametrize(("progress", "stops"), [(Progress.doing, True), (Progress.watching, False)])
def test_an_alert_offers_stop_while_its_long_list_is_being_executed(progress: Progress, stops: bool) -> None:
    many = plan(tuple(change("load", "failed", index) for index in range(250)))
    doing = remediation(progress, plan=many, tally={"done": 100, "failed": 0, "running": 0, "waiting": 150})
    message = checked(blocks.alert(view(held(), remediation=doing)))
    assert ("Stop" in labels(message)) is stops
    assert ("100 cleared" in repr(message)) is stops
