"""One DAG and one task instance in full; unknown facts are left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.airflow.protocol import Dag, Run, TaskInstance
from bot.core.dates import span
from bot.slack.text.block_kit import Message, context, message, section
from bot.slack.text.columns import shown
from bot.slack.text.words import at, bare, code, count, foreign, joined, link, listed, plain, quoted

_SIGNS = {"success": "✓", "failed": "✗"}


def dag(known: Dag, newest: Sequence[Run], alerts: Sequence[str], now: datetime, where: str = "") -> Message:
    """One DAG: paused or not, its schedule and owner, its newest runs from old to new, its open alerts."""
    state = "*paused*" if known.is_paused else "*active*"
    head = f"*{foreign(where + known.dag_id, 200)}* is {state}"
    facts = joined(
        f"schedule {code(known.timetable)}" if known.timetable else "no schedule",
        f"next run {at(known.next_run, now)}" if known.next_run and not known.is_paused else "",
        f"owner {foreign(', '.join(known.owners), 100)}" if known.owners else "",
        f"tags {foreign(', '.join(known.tags), 200)}" if known.tags else "",
    )
    bad = "its file does not import" if known.has_import_errors else ""
    signs = " ".join(_SIGNS.get(run.state, "·") for run in reversed(newest))
    runs = f"newest runs {signs}" if newest else "no run yet"
    open_ones = f"open alerts: {listed(map(code, alerts))}" if alerts else "no open alert"
    following = f"show {alerts[0]}" if alerts else f"runs {where}{known.dag_id}"
    last = joined("✓ success   ✗ failed   · other", f"next: {code(f'/airflow {following}', 300)}")
    lines = [head, facts, joined(runs, open_ones, bad)]
    return message(bare(f"{head} · {open_ones}"), section("\n".join(lines)), context(last))


def task(one: TaskInstance, mapped: Sequence[TaskInstance], url: str, now: datetime, where: str = "") -> Message:
    """One task instance; `mapped` are all task instances of the same task."""
    ref = one.ref
    name = f"{ref.dag_id}.{ref.label}"
    sign = _SIGNS.get(one.state, "·")
    tries = f", try {one.try_number}/{max(one.try_number, one.max_tries + 1)}" if one.try_number else ""
    head = f"{sign} *{foreign(where + name, 250)}* is *{foreign(one.state, 30)}*{tries}"
    others = f"one of {count(len(mapped), 'mapped task instance')}" if len(mapped) > 1 else ""
    rows = [
        ("run", ref.run_id),
        ("started", f"{span((now - one.start_date).total_seconds())} ago" if one.start_date else ""),
        ("took", span(one.duration, fine=True) if one.duration is not None else ""),
        ("host", one.hostname), ("operator", one.operator), ("pool", one.pool), ("queue", one.queue),
    ]  # fmt: skip
    block, _ = shown([(label, plain(value, 120)) for label, value in rows if value], len(rows))
    note = section(f"📝 {quoted(one.note)}") if one.note else None
    last = joined(
        others,
        link(url, "in Airflow") if url else "",
        f"next: {code(f'/airflow logs {where}{name}@{ref.run_id}', 300)}",
    )
    return message(bare(head), section(head), block, note, context(last))
