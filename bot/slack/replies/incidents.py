"""Replies about incidents: open alerts, a timeline, the list of failures, silences.

A list that is too long is cut and the rest counted; in a timeline the newest entries are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.core.dates import span
from bot.core.incidents.incident import Entry, State, Subject
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import Stage, View
from bot.slack.alert.headline import name, spoken
from bot.slack.alert.stage import sign
from bot.slack.alert.thread import is_a_note
from bot.slack.text.block_kit import Message, actions, button, context, message, preformatted, section
from bot.slack.text.words import at, bare, code, count, cut, cut_middle, foreign, joined, plain, quoted

_MOST_OPEN, _MOST_ENTRIES, _MOST_FAILURES = 15, 40, 60


def open_alerts(views: Sequence[View]) -> Message:
    """The open alerts, one line each."""
    last = joined(f"checked {at(views[0].now)}" if views else "", "`show A-12` shows one in full")
    return message(_open_text(views), section(_open_lines(views) or "No open alerts"), context(last))


def _open_lines(views: Sequence[View]) -> str:
    lines = [_open_line(view) for view in views[:_MOST_OPEN]]
    return "\n".join([*lines, *([f"+{len(views) - _MOST_OPEN} more"] if len(views) > _MOST_OPEN else [])])


def _open_line(view: View) -> str:
    incident = view.incident
    head, happened, why = spoken(view)
    taken = incident.state is State.acknowledged
    said = cut_middle(head, 80) + ("" if taken and why else happened) + (f": {cut(why, 80)}" if why else "")
    began = incident.held_at if taken and incident.held_at else incident.reopened_at or incident.opened_at
    return joined(f"{sign(view)} *{incident.name}* {foreign(said)}", f"{_holder(view)}, {_age(view, began)}")


def _holder(view: View) -> str:
    incident = view.incident
    if incident.holder and incident.state is State.acknowledged:
        return foreign(incident.holder.name, 40)
    return (
        f"quiet until {at(incident.silence.until)}" if view.stage is Stage.silenced and incident.silence else "*nobody*"
    )


def _age(view: View, since: datetime) -> str:
    return span((view.now - since).total_seconds())


def _open_text(views: Sequence[View]) -> str:
    if not views:
        return "No open alerts."
    named = [f"{v.incident.name} {foreign(cut_middle(name(v), 40))}, {_text_holder(v)}" for v in views[:3]]
    return f"{count(len(views), 'open alert')}: {'; '.join(named)}" + ("; …" if len(views) > 3 else ".")


def _text_holder(view: View) -> str:
    holder = view.incident.holder
    return (
        f"{foreign(holder.name, 40)} has it"
        if holder and view.incident.state is State.acknowledged
        else "nobody has it"
    )


def timeline(view: View) -> Message:
    """The timeline, oldest first; if it is long, its newest entries."""
    entries = view.timeline[-_MOST_ENTRIES:]
    earlier = len(view.timeline) - len(entries)
    lines = [f"{at(entry.at, view.now)}  {_entry(entry)}" for entry in entries]
    shown = [section("\n".join(lines[start : start + 10])) for start in range(0, len(lines), 10)]
    head = f"{sign(view)} *{view.incident.name}* {foreign(cut_middle(name(view), 200))}"
    last = joined(f"{earlier} earlier entries are not shown" if earlier else "",
                  code(f"windsock timeline {view.incident.name}") + " prints all of it")  # fmt: skip
    text = (
        f"{view.incident.name} {foreign(cut_middle(name(view), 100))}: {count(len(view.timeline), 'entry', 'entries')}"
    )
    return message(text, section(head), *shown, context(last))


def _entry(entry: Entry) -> str:
    text = plain(entry.text, 300)
    return f"{_by(entry.who)}: {quoted(text)}" if is_a_note(entry) else foreign(text) or foreign(entry.what)


def _by(name: str) -> str:
    """A name before a colon; with a colon of its own it could become an emoji."""
    return foreign(name.replace(":", " "), 40)


def failures(view: View, subjects: Sequence[Subject]) -> Message:
    """Every subject of an incident, one line each, as many as a message can hold."""
    rows = [(_subject(subject), plain(subject.run_id), subject) for subject in subjects[:_MOST_FAILURES]]
    wide = max((len(label) for label, _, _ in rows), default=0)
    lines = [f"{'✓' if s.well_at else '✗'} {label:<{wide}}  {cut_middle(run, 60)}".rstrip() for label, run, s in rows]
    kept = list(_within(lines, 7_500))
    blocks = [preformatted("\n".join(kept[start : start + 20])) for start in range(0, len(kept), 20)]
    total = max(view.counts.failures, len(subjects))
    more = f"+{total - len(kept)} more" if total > len(kept) else ""
    head = f"*{view.incident.name}* {count(total, 'failure')} in {count(max(1, len(view.counts.dags)), 'DAG')}"
    last = joined(more, "✗ failed   ✓ well again")
    whole = actions("whole", button("list-file", f"All {total} as a file", view.incident.name)) if more else None
    return message(bare(head), section(head), *blocks, whole, context(last))


def _subject(subject: Subject) -> str:
    task = f"{subject.dag_id}.{subject.ref.label}" if subject.task_id else subject.dag_id or subject.name
    return cut_middle(plain(task), 60)


def _within(lines: Iterable[str], room: int) -> Iterable[str]:
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return
        yield line


def silences(held: Sequence[Silence]) -> Message:
    """The silences: scope, end, author and reason."""
    lines = [f"🔕 *S-{one.id}* {code(one.scope)} until {at(one.until)} · {_by(one.by)}: {quoted(one.reason, 200)}"
             for one in held[:20]]  # fmt: skip
    more = f"+{len(held) - 20} more" if len(held) > 20 else ""
    text = (
        f"{count(len(held), 'silence')}: {', '.join(f'S-{one.id}' for one in held[:10])}." if held else "No silences."
    )
    return message(text, section("\n".join(lines) or "No silences"), context(joined(more, "`unsilence S-3` ends one")))
