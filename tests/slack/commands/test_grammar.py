"""The grammar of a slash command: what people type, and what editors make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.dates import duration
from bot.core.errors import Refused
from bot.slack.commands.grammar import Fault, Said, parse, ref, window
from bot.slack.commands.links import Ref

LINK3 = (
    "https://airflow.example.com/dags/sales_daily/runs/scheduled__2026-11-22T05%3A00%3A00%2B00%3A00/tasks/load/mapped/7"
)
LINK2 = (
    "https://af.example.com/dags/sales_daily/grid?dag_run_id=manual__2026-11-22T05%3A00%3A00%2B00%3A00"
    "&task_id=load&map_index=3&tab=logs"
)


@pytest.mark.parametrize(
    ("line", "verb", "words"),
    [
        ("", "help", ()),
        ("   ", "help", ()),
        ("STATUS", "status", ()),
        ("clear sales.load downstream", "clear", ("sales.load", "downstream")),
        ("silence A-12 for 2h “warehouse is away”", "silence", ("A-12", "for", "2h", "warehouse is away")),
        ("clear <https://a.example/dags/x|x>", "clear", ("https://a.example/dags/x",)),
        ("clear prod:<https://a.example/dags/x|x>", "clear", ("prod:https://a.example/dags/x",)),
        ("trigger x note='two words'", "trigger", ("x", "note='two words'")),
        ("runbook a&amp;b", "runbook", ("a&b",)),
    ],
)
def test_a_line_is_a_verb_and_its_words(line: str, verb: str, words: tuple[str, ...]) -> None:
    assert (parse(line).verb, parse(line).words) == (verb, words)


@pytest.mark.parametrize("line", ["clear x --downstream", "clear x —downstream", "clear x –downstream"])
def test_flags_work_with_the_dashes_that_editors_make(line: str) -> None:
    assert parse(line).flags == {"downstream"}
    assert parse(line).words == ("x",)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("A-12", Ref(incident=12)),
        ("a12", Ref(incident=12)),
        ("sales_daily", Ref(name="sales_daily")),
        ("sales_daily.load", Ref(name="sales_daily.load")),
        ("sales_daily.load[7]", Ref(name="sales_daily.load", map_index=7)),
        ("prod:sales_daily.load", Ref(deployment="prod", name="sales_daily.load")),
        (
            "sales_daily.load[7]@scheduled__2026-11-22T05:00:00+00:00",
            Ref(name="sales_daily.load", map_index=7, run="scheduled__2026-11-22T05:00:00+00:00"),
        ),
        (
            LINK3,
            Ref(name="sales_daily", task="load", map_index=7, run="scheduled__2026-11-22T05:00:00+00:00",
                host="airflow.example.com"),
        ),
        (
            LINK2,
            Ref(name="sales_daily", task="load", map_index=3, run="manual__2026-11-22T05:00:00+00:00", host="af.example.com"),
        ),
        ("https://af.example.com/dags/sales_daily", Ref(name="sales_daily", host="af.example.com")),
        ("sales_daily.load@latest", Ref(name="sales_daily.load", run="latest")),
        ("prod:sales_daily@last-failed", Ref(deployment="prod", name="sales_daily", run="last-failed")),
        ("sales_daily@2026-11-21", Ref(name="sales_daily", run="2026-11-21")),
        (f"{LINK3}/logs?try_number=2", Ref(name="sales_daily", task="load", map_index=7, host="airflow.example.com",
                                           run="scheduled__2026-11-22T05:00:00+00:00")),
        ("https://a.example.com/dags/x/runs/manual__1/tasks/load/xcom",
         Ref(name="x", task="load", run="manual__1", host="a.example.com")),
        ("https://a.example.com/base/dags/x/runs/manual__1", Ref(name="x", run="manual__1", host="a.example.com", path="base")),
        ("prod:A-12", Ref(incident=12, deployment="prod")),
        ("prod:https://A.Example.com:443/dags/x", Ref(deployment="prod", name="x", host="a.example.com")),
        ("http://a.example.com:8080/dags/x", Ref(name="x", host="a.example.com:8080")),
        ("https://a.example.com/dags/x/tasks/load", Ref(name="x", task="load", host="a.example.com")),
        ("https://a.example.com/log?dag_id=x&task_id=load&execution_date=2026-11-22T05:00:00+00:00&map_index=-1",
         Ref(name="x", task="load", run="2026-11-22T05:00:00+00:00", host="a.example.com")),
    ],
)  # fmt: skip
def test_a_ref_in_each_of_its_forms(word: str, meant: Ref) -> None:
    assert ref(word) == meant


@pytest.mark.parametrize(
    "word",
    [
        "@run",
        "a b",
        "[7]",
        "https://example.com/nothing",
        "x[seven]",
        "https://a.example.com/dags/~",
        "http://[::",
        "https://a.example.com/dags/x/runs/r/tasks/group/g",
    ],
)
def test_what_is_no_ref_is_refused_with_a_reason(word: str) -> None:
    refused = ref(word)
    assert isinstance(refused, Refused)
    assert refused.reason


@pytest.mark.parametrize(
    ("word", "lasts"),
    [
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("45min", timedelta(minutes=45)),
        ("maintenance", None),
        ("2", None),
        ("h2", None),
    ],
)
def test_durations(word: str, lasts: timedelta | None) -> None:
    assert duration(word) == lasts


NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)  # a Sunday
LAST = timedelta(microseconds=1)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "start", "end", "rest"),
    [
        ("clear x from 2026-11-20 to 2026-11-21", at(20), at(22) - LAST, ()),
        ("clear x from 2026-11-20", at(20), NOW, ()),
        ("clear x failed from yesterday to today downstream", at(21), at(23) - LAST, ("failed", "downstream")),
        ("clear x from monday to yesterday", at(16), at(22) - LAST, ()),
        ("clear x from 3d ago to 2h ago", at(19, 9, 30), at(22, 7, 30), ()),
        ("clear x from 3d-ago", at(19, 9, 30), NOW, ()),
        ("clear x from 2026-11-20T05:00 to 2026-11-20T06:00Z", at(20, 5), at(20, 6), ()),
        ("clear x from 2026-11-20 05:00 to 2026-11-20T08:00+02:00", at(20, 5), at(20, 6), ()),
        ("clear x from “2026-11-20 05:00” to now", at(20, 5), NOW, ()),
        ("clear x --from 2026-11-20 --to=2026-11-20", at(20), at(21) - LAST, ()),
        ("clear x —from 2026–11–20", at(20), NOW, ()),
    ],
)
def test_a_window_of_time(line: str, start: datetime, end: datetime, rest: tuple[str, ...]) -> None:
    command = parse(line)
    assert window(command, command.words[1:], NOW) == Said(start, end, rest)


@pytest.mark.parametrize(
    ("line", "under"),
    [
        ("clear x from 2026-13-40 to today", "2026-13-40"),
        ("clear x from monday to someday", "someday"),
        ("clear x from", "from"),
        ("clear x from today to", "to"),
        ("clear x from today to 2026-11-01", "today"),
        ("clear x to today", "to"),
    ],
)
def test_a_wrong_date_is_shown_with_a_caret_under_it(line: str, under: str) -> None:
    command = parse(line)
    fault = window(command, command.words[1:], NOW)
    assert isinstance(fault, Fault)
    place = fault.caret.index("^")
    assert fault.line[place:].startswith(under)
    assert fault.caret.count("^") == len(under)


def test_without_a_window_there_is_none() -> None:
    assert window(parse("clear x failed"), ("failed",), NOW) is None


def test_a_dag_that_is_called_like_an_alert_is_named_with_a_slash() -> None:
    assert ref("a12") == ref("A-12") == Ref(incident=12)
    assert ref("a12/") == Ref(name="a12/")
