"""An alert from its first acknowledgement to its end: at work, refused, resolved, failed again."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.incidents.incident import Entry, State
from bot.core.remediation import Change, Progress
from tests.slack.reading import head, kinds, line, menu, pressable, shown, strip
from tests.slack.samples import (
    FAILED_AT,
    RUN,
    RUN_URL,
    change,
    held,
    incident,
    minutes,
    plan,
    remediation,
    unix,
    view,
)  # fmt: skip

SINCE = f"<!date^{unix(FAILED_AT)}^{{time}}|05:12 UTC>"
RUN_LINK = f"<{RUN_URL}|{RUN}>"


def test_at_work_shows_how_far_and_loses_evidence_and_buttons() -> None:
    message = shown(view(held(), remediation=remediation()))
    assert kinds(message) == ["header", "section", "context"]
    assert head(message) == "🔧 Ana is clearing 14 task instances… 9/14 · sales_daily"
    assert line(message, "section") == "■■■■■■■■■□□□□□  *9 done* · 2 running · 3 waiting"
    assert line(message, "context") == f"{RUN_LINK} · failed {SINCE}: warehouse refused the connection"
    assert menu(message) == ["pause:A-12", "escalate:A-12", "tasks:A-12", "logs:A-12", "history:A-12"]
    started = f"<!date^{unix(minutes(4))}^{{time}}|05:16 UTC>"
    assert strip(message) == ("#0072B2", [f"A-12 · *<@U0ANA> has it* · started {started}"])
    assert message["text"] == "🔧 Ana is clearing 14 task instances of sales_daily: 9/14 done. A-12"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (plan((Change("sales_daily", "active", "paused"),), "pause"), "🔧 Ana is pausing sales_daily…"),
        (plan((Change("sales_daily", "no run yet", "a new run"),), "trigger"), "🔧 Ana is triggering sales_daily…"),
        (plan((change("load", "failed", 6, after="success"),), "mark", options={"state": "success"}),
         "🔧 Ana is marking 1 task instance success… 0/1 · sales_daily"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("progress", [Progress.asked, Progress.doing])
def test_other_acts_have_their_own_words(act: Any, said: str, progress: Progress) -> None:
    assert head(shown(view(held(), remediation=remediation(progress, plan=act, tally={})))) == said


def test_beyond_twenty_there_are_ten_squares() -> None:
    many = plan(tuple(Change(f"t{n}", "failed", "runs again", RUN) for n in range(300)))
    message = shown(view(held(), remediation=remediation(plan=many, tally={"done": 150, "waiting": 150})))
    assert line(message, "section") == "■■■■■□□□□□  *150 done* · 150 waiting"


@pytest.mark.parametrize(
    ("progress", "answer", "first"),
    [
        (Progress.failed, "Airflow answered 403", "*Nothing was changed:* Airflow answered 403"),
        (
            Progress.moved,
            "the list moved after it was shown",
            "*Nothing was changed:* the list moved after it was shown",
        ),
        (Progress.given_up, "", "*Nothing was changed:* Airflow did not answer in time"),
        (Progress.unknown, "", "*The outcome is not known:* no answer came, and Airflow could not be read back"),
    ],
)
def test_an_act_that_failed_goes_back_to_the_state_before_and_says_only_what_is_known(
    progress: Progress, answer: str, first: str
) -> None:
    failed = remediation(progress, answer=answer, ended_at=minutes(5))
    message = shown(view(held(), remediation=failed))
    assert head(message) == "👀 Ana has it, clearing failed · sales_daily.load"
    assert line(message, "section") == f"{first}\nAna asked to clear 14 task instances of sales_daily"
    assert kinds(message) == ["header", "section", "context", "actions"]
    assert pressable(message) == ["retry!", "resolve", "unacknowledge", "runbook"]
    assert strip(message)[1][0].endswith(f" · clearing failed <!date^{unix(minutes(5))}^{{time}}|05:17 UTC>")
    assert head(shown(view(remediation=failed))).startswith("🔴 Clearing failed · sales_daily.load: ")


def test_an_act_that_failed_before_it_was_reopened_is_forgotten() -> None:
    failed = remediation(Progress.failed)
    again = incident(times=2, reopened_at=minutes(30))
    assert head(shown(view(again, remediation=failed, now=minutes(31)))).startswith("🔁 Again · ")


def test_resolved_is_two_lines_that_say_how_long_and_what_helped() -> None:
    over = held(state=State.resolved, resolved_at=minutes(31))
    message = shown(view(over, remediation=remediation(Progress.done), now=minutes(31)))
    assert kinds(message) == ["section"]
    assert line(message, "section") == "✅ *sales_daily.load is well again* after 31 min: Ana cleared 14 task instances"
    assert menu(message) == ["reopen:A-12", "timeline:A-12", "logs:A-12", "runbook:A-12"]
    well = f"<!date^{unix(minutes(31))}^{{time}}|05:43 UTC>"
    assert strip(message) == ("#009E73", [f"A-12 · failed {SINCE}, well {well} · warehouse refused the connection"])
    assert message["text"] == "✅ sales_daily.load is well again after 31 min: Ana cleared 14 task instances. A-12"


@pytest.mark.parametrize(
    ("by", "how", "said"),
    [
        ("", "", ", by itself"),
        ("Ana", "Ana resolved it by hand", ": Ana resolved it by hand"),
        ("Ana", "disk was full", ": Ana resolved it, “disk was full”"),
        ("", "explained by A-13", ", explained by A-13"),
    ],
)
def test_resolved_names_whoever_helped_or_nobody(by: str, how: str, said: str) -> None:
    over = incident(state=State.resolved, resolved_at=minutes(2), resolved_by=by, resolution=how)
    assert line(shown(view(over)), "section") == f"✅ *sales_daily.load is well again* after 2 min{said}"


def test_failed_again_counts_and_says_who_had_it_last() -> None:
    again = incident(times=3, reopened_at=minutes(232), last_holder="Ana", page_at=None)
    told = (Entry(minutes(4), "asked", "Ana asked: clear 14", "Ana"),)
    message = shown(view(again, now=minutes(240), timeline=told))
    assert head(message) == "🔁 Again · sales_daily.load: warehouse refused the connection"
    assert line(message, "section") == (
        "*3rd time in 4 h: a retry helps for a while, fix the cause* · try 3/3, none left · 4 tasks wait for it\n"
        "Last 10 runs, newest last:  ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✗ ✗ ✗"
    )
    reopened = f"<!date^{unix(minutes(232))}^{{time}}|09:04 UTC>"
    assert strip(message) == ("#D55E00", [f"A-12 · *nobody has it now*, Ana had it last · reopened {reopened}",
                                          "Flapping: one message, no repeats"])  # fmt: skip
