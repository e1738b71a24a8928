"""What is said beside an alert: its thread, the reply that the channel sees too, a change without an incident."""

from __future__ import annotations

from dataclasses import replace

from bot.core.incidents.incident import Entry, State
from bot.core.incidents.routing import Severity
from bot.core.remediation import Change, Progress
from bot.slack.alert import thread
from bot.slack.text.limits import fit
from tests.slack import strict
from tests.slack.reading import kinds, line
from tests.slack.samples import (
    FAILED_AT,
    QUIET,
    held,
    incident,
    minutes,
    plan,
    remediation,
    view,
)  # fmt: skip

ENTRIES = [
    (Entry(FAILED_AT, "opened", "sales_daily.load failed"), "🔴 *sales_daily.load failed*, try 3/3: `psycopg.OperationalError`"),
    (Entry(minutes(2), "acknowledged", "Ana has it", "Ana"), "👀 *Ana has it*, 2 min after it failed"),
    (Entry(minutes(2), "acknowledged", "on it", "Ana"), "👀 *Ana has it*: “on it”"),
    (Entry(minutes(4), "asked", "Ana asked: clear 2: load, notify", "Ana"), "🔧 *Ana asked*: clear 2: load, notify"),
    (Entry(minutes(5), "not done", "Nothing was changed: Airflow answered 403", "Ana"),
     "⚠️ *Nothing was changed*: Airflow answered 403"),
    (Entry(minutes(31), "resolved", "Well again: try 4 of load succeeded"), "✅ *Well again*: try 4 of load succeeded"),
    (Entry(minutes(32), "note", "ask <!channel>", "Ben"), "📝 *Ben*: “ask &lt;!channel&gt;”"),
]  # fmt: skip


def test_the_thread_tells_one_line_an_entry_and_the_end_of_the_traceback_once() -> None:
    seen = view(timeline=[entry for entry, _ in ENTRIES])
    (message,) = thread.thread(seen.timeline, seen)
    assert strict.faults(fit(message)) == []
    said = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
    assert said == [expected for _, expected in ENTRIES]
    assert kinds(message)[:2] == ["section", "rich_text"]
    assert line(message, "rich_text").endswith("port 5432 failed: Connection refused.")
    assert thread.thread([], seen) == []


def test_a_long_batch_of_entries_is_several_messages() -> None:
    seen = view()
    assert [
        len(m["blocks"]) for m in thread.thread([Entry(minutes(n), "note", "x", "Ana") for n in range(45)], seen)
    ] == [20, 20, 5]


def test_a_change_without_an_incident_is_announced_with_the_name() -> None:
    three = remediation(plan=plan(plan().changes[-3:], incident_id=None), tally={"done": 1, "running": 1, "waiting": 1})
    assert thread.announcement(three)["text"] == "🔧 Ana is clearing 3 task instances of sales_daily… 1/3"
    done = replace(three, progress=Progress.done, tally={"done": 3})
    assert thread.announcement(done)["text"] == "✅ Ana cleared 3 task instances of sales_daily: 3 succeeded"
    partly = thread.announcement(replace(done, tally={"done": 2, "failed": 1}))
    assert partly["text"] == "⚠️ Ana cleared 3 task instances of sales_daily: 2 succeeded, 1 failed"
    paused = remediation(Progress.done, plan=plan((Change("orders_hourly", "active", "paused"),), "pause"))
    assert line(thread.announcement(paused), "section") == "Ana paused `orders_hourly`"
    refused = replace(paused, progress=Progress.failed, answer="Airflow answered 403")
    assert "*Nothing was changed:* Airflow answered 403" in line(thread.announcement(refused), "section")
    lost = replace(paused, progress=Progress.unknown, answer="")
    assert "*The outcome is not known:*" in line(thread.announcement(lost), "section")


def test_only_what_must_be_noticed_is_said_to_the_channel_again() -> None:
    assert thread.broadcast(view()) is None
    assert thread.broadcast(view(held(times=2))) is None
    assert thread.broadcast(view(incident(silence=QUIET, severity=Severity.critical))) is None
    assert thread.broadcast(view(held(state=State.resolved))) is None
    critical = thread.broadcast(view(incident(severity=Severity.critical)))
    assert critical is not None
    assert line(critical, "section") == "🚨 *Critical:* sales_daily.load failed · A-12 · <!subteam^S0DATAENG>"
    again = thread.broadcast(view(incident(times=2)))
    assert again is not None
    assert again["text"] == "🔁 sales_daily.load failed again · A-12"
    escalated = thread.broadcast(
        view(held(), timeline=[Entry(minutes(3), "escalated", "Ana escalated it: stuck", "Ana")])
    )
    assert escalated is not None
    assert escalated["text"] == "🚨 Ana escalated it: stuck · sales_daily.load · A-12"
