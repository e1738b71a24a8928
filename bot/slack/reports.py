"""Answers that only look: status, health, open alerts, a timeline, the full list of failures.

Hard case: a deployment that does not answer. It is one line that says so, and the others are shown as they are. Rule: what is
too long is cut with its number, and what was cut is never the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.core.incidents.incident import Entry, State, Subject
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import DeploymentStatus, Status, View
from bot.slack.headline import Stage, name, sign, spoken, stage
from bot.slack.kit import Message, actions, button, context, message, preformatted, section
from bot.slack.limits import cut_markup
from bot.slack.thread_lines import is_a_note
from bot.slack.words import (
    at,
    bare,
    clock,
    code,
    count,
    cut,
    cut_middle,
    foreign,
    joined,
    plain,
    quoted,
    span,
)  # fmt: skip

_NAMES = {"dag_processor": "DAG processor", "metadatabase": "metastore"}
_MOST_OPEN, _MOST_ENTRIES, _MOST_FAILURES = 15, 40, 60


def status(status: Status) -> Message:
    """Every deployment in three lines, and the open alerts, worst and newest first."""
    parts = [section(_deployment(deployment)) for deployment in status.deployments]
    well = [foreign(d.name, 60) for d in status.deployments if not _ill(d)]
    ill = [foreign(d.name, 60) for d in status.deployments if _ill(d)]
    said = joined(
        f"{', '.join(well)} {_is(well)} well" if well else "", f"{', '.join(ill)} {_is(ill)} not well" if ill else ""
    )
    alerts = _open_lines(status.open)
    text = f"{said or 'No Airflow is configured'}. {_open_text(status.open)}"
    quiet = (
        f"{count(len(status.silences), 'silence')}, ends {clock(min(until for _, until in status.silences))}"
        if status.silences
        else ""
    )
    last = joined(f"checked {at(status.now)}", quiet, "`open` lists alerts, `help` lists verbs")
    nothing = None if parts else section("No Airflow is configured")
    return message(cut_markup(text, 300), *parts, nothing, section(alerts or "No open alerts"), context(last))


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _ill(deployment: DeploymentStatus) -> bool:
    return bool(deployment.trouble) or any(healthy is False for _, healthy, _ in deployment.components)


def _deployment(one: DeploymentStatus) -> str:
    version = f" (Airflow {foreign(one.version, 30)})" if one.version else ""
    if one.trouble:
        return f"⚠️ *{foreign(one.name, 60)} does not answer*{version}\n{foreign(one.trouble, 300)}"
    head = f"*{foreign(one.name, 60)} {'is not well' if _ill(one) else 'is well'}*{version}"
    return "\n".join(line for line in (head, _components(one), _figures(one), _coverage(one)) if line)


def _coverage(one: DeploymentStatus) -> str:
    """What Airflow knows against what was told; the number that nobody else has."""
    if not one.failures_known:
        return ""
    told = one.failures_by_hook + one.failures_by_sweep
    by = joined(
        f"{one.failures_by_hook} by hooks", f"{one.failures_by_sweep} by the sweep" if one.failures_by_sweep else ""
    )
    return f"Told {told} of {count(one.failures_known, 'failure')} in 24 h: {by}"


def _components(one: DeploymentStatus) -> str:
    parts = [_component(part, healthy, seconds, one) for part, healthy, seconds in one.components]
    return "   ".join(part for part in parts if part)


def _component(part: str, healthy: bool | None, seconds: float | None, one: DeploymentStatus) -> str:
    if healthy is None:
        return ""
    seconds = one.answer_seconds if seconds is None and part == "metadatabase" else seconds
    since = f" {span(seconds)}" if seconds is not None else ""
    return f"{'✓' if healthy else '✗'} {foreign(_NAMES.get(part, part), 40)}{since}"


def _figures(one: DeploymentStatus) -> str:
    dags = (
        f"{one.dags_active} of {one.dags_total} DAGs active"
        if one.dags_active is not None and one.dags_total is not None
        else ""
    )
    return joined(
        f"{count(one.running, 'task')} running" if one.running is not None else "",
        f"{one.queued} queued" if one.queued is not None else "",
        dags,
        count(one.import_errors, "import error") if one.import_errors is not None else "",
    )


def health(status: Status) -> Message:
    """The same with each part on a line of its own, and what the checks found."""
    parts = [section(_healthy(deployment)) for deployment in status.deployments]
    ill = [foreign(d.name, 60) for d in status.deployments if _ill(d)]
    findings = sum(len(deployment.findings) for deployment in status.deployments)
    said = f"Not well: {', '.join(ill)}" if ill else "All that was asked is well"
    text = joined(said, f"the checks found {count(findings, 'thing')}" if findings else "")
    return message(
        text,
        *(parts or [section("No Airflow is configured")]),
        context(
            joined(
                f"checked {at(status.now)}",
                "`health CHECK` asks one now",
                "`jobs`, `pools` and `import-errors` show more",
            )
        ),
    )


def _healthy(one: DeploymentStatus) -> str:
    if one.trouble:
        return _deployment(one)
    head = _deployment(one).split("\n")[0]
    parts = [line for part, ok, seconds in one.components if (line := _component(part, ok, seconds, one))]
    found = [f"✗ {foreign(finding, 300)}" for finding in one.findings[:20]] or ["✓ the checks found nothing"]
    return "\n".join(line for line in (head, *parts, _figures(one), *found) if line)


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
        f"quiet until {at(incident.silence.until)}"
        if stage(view) is Stage.silenced and incident.silence
        else "*nobody*"
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
    """History: what happened, oldest first; when it is long, its newest lines."""
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
    """A name in front of a colon: with one of its own before it would be an emoji."""
    return foreign(name.replace(":", " "), 40)


def failures(view: View, subjects: Sequence[Subject]) -> Message:
    """Every subject of an incident, one line each as far as a message holds them."""
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
    """What is quiet, until when, by whom and why."""
    lines = [f"🔕 *S-{one.id}* {code(one.scope)} until {at(one.until)} · {_by(one.by)}: {quoted(one.reason, 200)}"
             for one in held[:20]]  # fmt: skip
    more = f"+{len(held) - 20} more" if len(held) > 20 else ""
    text = (
        f"{count(len(held), 'silence')}: {', '.join(f'S-{one.id}' for one in held[:10])}." if held else "No silences."
    )
    return message(text, section("\n".join(lines) or "No silences"), context(joined(more, "`unsilence S-3` ends one")))
