"""A task that is tried again: a warning with words of its own, and a failure told to the channel when no try is left."""

from __future__ import annotations

from typing import Any

from bot.core.incidents.incident import Counts, Entry, Incident
from bot.core.incidents.routing import Severity
from bot.slack.alert.thread import broadcast
from tests.slack.reading import checked, head, shown, strip
from tests.slack.samples import BOOK, FAILED_AT, failure, held, incident, minutes, signal, view

FAILED = failure()


def retrying(**changed: Any) -> Incident:
    told = signal("task_retrying", dag_id="sales_daily", run_id=FAILED.run_id, task_id="load", try_number=2, max_tries=3,
                  exception={"type": FAILED.exception.type, "message": FAILED.exception.message})  # fmt: skip
    return incident(told, severity=Severity.warning, page_at=None, **changed)


def counted(things: int) -> Counts:
    return Counts(0, things, things, 0, (("sales_daily", things),), FAILED_AT, FAILED_AT)


def test_it_is_a_warning_that_says_it_is_tried_again() -> None:
    message = shown(view(retrying(), counts=counted(1)))
    assert head(message) == "⚠️ sales_daily.load is tried again: warehouse refused the connection"
    assert strip(message)[0] == "#E69F00"
    assert "failed, " not in message["text"]


def test_several_are_counted_as_tasks_and_not_as_failures() -> None:
    message = shown(view(retrying(), counts=counted(5)))
    assert head(message).startswith("⚠️ 5 tasks in sales_daily are tried again: warehouse refused")


def test_who_has_it_is_said_first() -> None:
    told = retrying()
    message = shown(view(held(exemplar=told.exemplar, severity=Severity.warning), counts=counted(1)))
    assert head(message).startswith("👀 Ana has it, tried again · sales_daily.load: warehouse")


def test_that_no_try_is_left_is_told_to_the_channel() -> None:
    entries = (
        Entry(FAILED_AT, "opened", "sales_daily.load failed, try 2/4", id=1),
        Entry(minutes(5), "failed", "sales_daily.load failed, try 4/4", id=2),
    )
    message = broadcast(view(incident(), timeline=entries, runbook=BOOK))
    assert message is not None
    assert message["blocks"][0]["text"]["text"].startswith("🔴 *sales_daily.load failed*, no try is left · A-12")
    checked(message)
