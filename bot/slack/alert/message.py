"""An incident as a Slack message: headline, facts, evidence, buttons, footer, always in this order.

Each part decides what it can show, and an empty part is left out. The headline and the footer are always there.
"""

from __future__ import annotations

from bot.core.dates import span
from bot.core.incidents.view import Stage, View
from bot.core.remediation import FAILED, Remediation
from bot.core.signals.signal import Family
from bot.slack.alert import action_words
from bot.slack.alert.buttons import buttons, more
from bot.slack.alert.evidence import evidence
from bot.slack.alert.facts import facts, grey, waiting
from bot.slack.alert.footer import strip
from bot.slack.alert.headline import headline, lock_screen, name
from bot.slack.alert.stage import sign
from bot.slack.text.block_kit import Block, Message, actions, context, header, message, preformatted, section
from bot.slack.text.limits import cut_markup
from bot.slack.text.words import cut_middle, foreign

_LONGEST_TEXT = 150


def alert(view: View) -> Message:
    """The incident as it is now, as a complete message; the caller passes it through `limits.fit`."""
    match view.stage:
        case Stage.resolved:
            return _resolved(view)
        case Stage.working if view.remediation:
            return _working(view, view.remediation)
        case _:
            return _open(view)


def _open(view: View) -> Message:
    shown = preformatted(evidence(view)) if _shows_evidence(view) else None
    where, buttoned = context(grey(view)), buttons(view)
    middle: list[Block | None] = [shown, where] if view.is_storm else [where, shown]
    said = section(facts(view))
    return message(_text(view), header(headline(view)), said, *middle, buttoned, attachments=strip(view))


def _shows_evidence(view: View) -> bool:
    return view.stage is not Stage.silenced and view.failed_act is None


def _text(view: View) -> str:
    failed = view.failed_act
    if failed is None:
        return lock_screen(view, *_worst_facts(view))
    bold, _ = action_words.not_done(failed)
    act = action_words.act(failed.plan, action_words.DOING).capitalize()
    sign_and_act = f"{sign(view)} {act} failed, {bold.rstrip(':').lower()}"
    return _short(foreign(sign_and_act), view)


def _worst_facts(view: View) -> list[str]:
    known = [waiting(view)] if waiting(view) else []
    if view.is_storm and view.counts.recent:
        known.insert(0, "Still growing")
    return [*known, f"Shown {span(view.late)} late"] if view.late > 10 else known


def _short(said: str, view: View) -> str:
    """The sentence within the length of a lock screen, with the id last."""
    last = f" {view.incident.name}"
    return f"{cut_markup(said, _LONGEST_TEXT - len(last) - 1).rstrip('.')}.".replace("….", "…") + last


def _working(view: View, remediation: Remediation) -> Message:
    plan = remediation.plan
    said = f"🔧 {foreign(plan.person.name, 24)} is {foreign(action_words.act(plan, action_words.DOING), 100)}"
    done = remediation.tally.get("done", 0)
    bar, text = "", said
    if plan.action in {"clear", "mark"}:
        bar = f"{action_words.squares(done, action_words.size(plan))}  {action_words.tallied(remediation)}"
        text = f"{said}: {done}/{action_words.size(plan)} done"
    lines = "\n".join(line for line in (bar, foreign(remediation.answer, 200)) if line)
    going = section(lines or "Airflow is being asked", more(view))
    stop = actions("stop", action_words.stop_button(plan)) if remediation.can_stop else None
    return message(
        _short(text, view), header(headline(view)), going, stop, context(grey(view)), attachments=strip(view)
    )


def _resolved(view: View) -> Message:
    bold, rest = _well(view)
    line = f"✅ *{foreign(bold, 200)}*{rest}"
    text = _short(f"✅ {foreign(cut_middle(bold, 100))}{rest}", view)
    return message(text, section(line, more(view)), attachments=strip(view))


def _well(view: View) -> tuple[str, str]:
    """What recovered, in bold; then after how long, and what helped."""
    incident = view.incident
    healed = next((entry for entry in reversed(view.timeline) if entry.what == "resolved"), None)
    bold = f"{name(view)} {'are' if view.is_storm else 'is'} well again"
    if healed and not healed.who and incident.family in {Family.check, Family.external} and ":" not in healed.text:
        bold = healed.text.rstrip(".") or bold
    elif incident.family in {Family.check, Family.late}:
        bold = f"{incident.exemplar.label or incident.name} is well again"
    began = incident.reopened_at or incident.opened_at
    lasted = span((incident.resolved_at - began).total_seconds(), fine=True) if incident.resolved_at else ""
    return bold, (f" after {lasted}" if lasted else "") + _what_helped(view)


def _what_helped(view: View) -> str:
    """`: Ana cleared 14 task instances`, or `, by itself` if no one did anything."""
    incident, last = view.incident, view.remediation
    began = incident.reopened_at or incident.opened_at
    if incident.resolved_by:
        note = incident.resolution
        if note.startswith(incident.resolved_by):
            return f": {foreign(note, 200)}"
        return f": {foreign(incident.resolved_by, 40)} resolved it" + (f", “{foreign(note, 200)}”" if note else "")
    if incident.resolution:
        return f", {foreign(incident.resolution, 100)}"
    if last is not None and last.progress not in FAILED and last.asked_at >= began:
        return f": {foreign(last.person.name, 40)} {action_words.verb(last.plan, action_words.DONE)} {_helped_things(last)}"
    return ", by itself"


def _helped_things(last: Remediation) -> str:
    plan = last.plan
    return (
        action_words.things(plan) + action_words.becomes(plan, foreign)
        if plan.action in {"clear", "mark"}
        else action_words.touched(plan, foreign)
    )
