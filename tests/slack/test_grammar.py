"""The grammar of a slash command: what people type, and what editors make of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.errors import Refused
from bot.slack.grammar import Ref, duration, parse, ref

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
    ],
)  # fmt: skip
def test_a_ref_in_each_of_its_forms(word: str, meant: Ref) -> None:
    assert ref(word) == meant


@pytest.mark.parametrize("word", ["@run", "a b", "[7]", "https://example.com/nothing", "x[seven]"])
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
