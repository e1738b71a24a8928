"""A preview names exactly what would be touched, surprises first; a list that moved is refused with the new list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.remediation import Change, Surprise
from bot.slack.replies import preview
from tests.slack.reading import buttons, checked, head, kinds, last, line
from tests.slack.samples import (
    CHANGES,
    RUN,
    change,
    minutes,
    plan,
    ref,
    unix,
)  # fmt: skip

UNTIL = f"<!date^{unix(minutes(14))}^{{time}}|05:26 UTC>"


def test_a_preview_puts_surprises_first_then_everything_and_the_button_names_verb_and_count() -> None:
    message = checked(preview.preview(plan(), minutes(4)))
    assert message["text"] == "Clear 14 task instances of sales_daily? Nothing has been changed yet."
    assert kinds(message) == ["header", "section", "rich_text", "actions", "context"]
    assert head(message) == "Clear 14 task instances of sales_daily?"
    assert line(message, "section") == (
        "⚠️ *`quality_check` is running* and will be stopped\n"
        "⚠️ *6 mapped neighbours of `load`* succeeded and will run again"
    )
    assert line(message, "rich_text").split("\n") == [
        RUN,
        "  load[6]         failed            → runs again",
        "! load[0..5]      success           → runs again, 6 mapped neighbours",
        "! quality_check   running           → stopped, runs again",
        "  transform       upstream_failed   → runs again",
        "  publish[0..3]   upstream_failed   → runs again, 4",
        "  notify          upstream_failed   → runs again",
    ]
    assert buttons(message) == [
        ("confirm", "Confirm: clear 14", "P-7f3a", "danger"),
        ("narrow", "Only the 7 failed", "P-7f3a", ""),
        ("cancel", "Cancel", "P-7f3a", ""),
    ]
    assert (
        last(message) == f"Nothing has been changed yet · works once, for you, until {UNTIL} · ! perhaps not expected"
    )


def test_a_clear_of_failed_ones_is_neither_red_nor_narrower() -> None:
    message = checked(
        preview.preview(plan((change("load", "failed"), change("notify", "upstream_failed"))), minutes(4))
    )
    assert buttons(message) == [
        ("confirm", "Confirm: clear 2", "P-7f3a", "primary"),
        ("cancel", "Cancel", "P-7f3a", ""),
    ]
    assert kinds(message) == ["header", "rich_text", "actions", "context"]
    assert "!" not in last(message).replace("<!date", "")


def test_a_long_list_is_cut_with_its_number_and_several_runs_stand_apart() -> None:
    changes = [change(f"task_{n:02}", "failed") for n in range(20)]
    orders = [replace(ref(f"x{n:02}"), dag_id="orders", run_id="other_run") for n in range(43)]
    others = [Change(named.task_id, "failed", "runs again", "other_run", named) for named in orders]
    message = checked(preview.preview(plan((*changes, *others)), minutes(4)))
    assert head(message) == "Clear 63 task instances in 2 DAGs?"
    lists = [b["elements"][0]["elements"][0]["text"].split("\n") for b in message["blocks"] if b["type"] == "rich_text"]
    assert [(each[0], len(each)) for each in lists] == [(f"sales_daily · {RUN}", 21), ("orders · other_run", 6)]
    assert line(message, "context") == "+38 more"
    assert buttons(message)[0][1] == "Confirm: clear 63"


def test_ten_thousand_mapped_ones_are_one_line() -> None:
    message = checked(preview.preview(plan(tuple(change("load", "failed", n) for n in range(10000))), minutes(4)))
    assert line(message, "rich_text").endswith("  load[0..9999]   failed   → runs again, 10000")
    assert buttons(message)[0][1] == "Confirm: clear 10000"


@pytest.mark.parametrize(
    ("changes", "action", "options", "title", "button"),
    [
        ((Change("orders", "active", "paused"),), "pause", {}, "Pause orders?", ("Confirm: pause 1 DAG", "primary")),
        (tuple(Change(f"d{n}", "active", "paused") for n in range(40)), "pause", {}, "Pause 40 DAGs?",
         ("Confirm: pause 40 DAGs", "primary")),
        ((Change("orders", "paused", "active"),), "unpause", {}, "Unpause orders?", ("Confirm: unpause 1 DAG", "primary")),
        ((Change("orders", "no run yet", "a new run"),), "trigger", {"conf": {"password": "hunter2", "day": "2026-11-21"}},
         "Trigger orders?", ("Confirm: trigger 1 run", "primary")),
        ((change("load", "failed", after="success"), Change("run of sales_daily", "failed", "success", RUN)), "mark",
         {"state": "success"}, "Mark 1 task instance of sales_daily success?", ("Confirm: mark 1 success", "primary")),
        ((change("load", "running", surprise=Surprise.running, after="failed"),), "mark", {"state": "failed"},
         "Mark 1 task instance of sales_daily failed?", ("Confirm: mark 1 failed", "danger")),
    ],
)  # fmt: skip
def test_every_act_asks_in_its_own_words(
    changes: tuple[Change, ...], action: str, options: Any, title: str, button: tuple[str, str]
) -> None:
    message = checked(preview.preview(plan(changes, action, options=options), minutes(4)))
    assert head(message) == title
    assert (buttons(message)[0][1], buttons(message)[0][3]) == button
    assert "narrow" not in [verb for verb, *_ in buttons(message)]
    assert "hunter2" not in repr(message)


def test_a_list_that_moved_is_refused_with_the_new_list() -> None:
    ended = replace(CHANGES[7], before="success", surprise=Surprise.none, after="runs again")
    new = plan((change("archive", "failed"), *CHANGES[:7], ended, *CHANGES[8:-1]), id="P-91c0")
    message = checked(preview.moved(plan(), new, minutes(4)))
    assert (
        message["text"] == "Nothing was cleared: the list moved while you looked. The new list has 14 task instances."
    )
    assert head(message) == "Nothing was cleared: the list moved"
    assert line(message, "section") == (
        "Since you looked: `archive` is new (failed), `quality_check` is success now and `notify` is gone. This is the list now:"
    )
    signs = [each[:2] for each in line(message, "rich_text").split("\n")[1:]]
    assert signs == ["+ ", "  ", "! ", "± ", "  ", "  "]
    assert buttons(message) == [
        ("confirm", "Confirm: clear 14", "P-91c0", "primary"),
        ("cancel", "Cancel", "P-91c0", ""),
    ]
