"""Lists of failures and timelines are cut with their number."""

from __future__ import annotations

from bot.core.incidents.incident import Counts, Entry, Subject
from bot.core.signals.signal import Family
from bot.slack.replies import incidents
from tests.slack.reading import checked, last, line
from tests.slack.samples import (
    DAGS,
    FAILED_AT,
    RUN,
    minutes,
    unix,
    view,
)


def test_the_full_list_of_failures_is_cut_with_its_number() -> None:
    subjects = [Subject(12, Family.task, "prod", "d" * 80, RUN, "load", n, 1, "", "", "", FAILED_AT, FAILED_AT if n % 2 else None)
                for n in range(300)]  # fmt: skip
    message = checked(incidents.failures(view(counts=Counts(312, 312, 312, 0, DAGS)), subjects))
    assert line(message, "section") == "*A-12* 312 failures in 40 DAGs"
    shown = sum(
        len(b["elements"][0]["elements"][0]["text"].split("\n")) for b in message["blocks"] if b["type"] == "rich_text"
    )
    assert last(message) == f"+{312 - shown} more · ✗ failed   ✓ well again"


def test_history_is_told_oldest_first_and_loses_only_its_oldest_lines() -> None:
    entries = [Entry(minutes(n), "note", f"note {n}", "Ana") for n in range(50)]
    message = checked(incidents.timeline(view(timeline=entries)))
    said = [b["text"]["text"] for b in message["blocks"] if b["type"] == "section"]
    assert said[1].startswith(f"<!date^{unix(minutes(10))}^{{time}}|05:22 UTC>  Ana: “note 10”\n")
    assert said[-1].endswith("Ana: “note 49”")
    assert last(message) == "10 earlier entries are not shown · `windsock timeline A-12` prints all of it"
