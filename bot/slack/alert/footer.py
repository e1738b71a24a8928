"""The last line of an alert: its id, its holder, the next step, and since when, always in this order.

About a page it shows only what PagerDuty answered, because the bot can't know whether the person noticed it.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.dates import span
from bot.core.incidents.incident import Incident
from bot.core.incidents.view import Stage, View
from bot.core.signals.signal import Family
from bot.slack.alert import action_words
from bot.slack.alert.headline import cause
from bot.slack.alert.stage import colour
from bot.slack.text.block_kit import Block
from bot.slack.text.block_kit import strip as bar
from bot.slack.text.words import at, foreign, joined, quoted, who

_LATE = 10.0  # seconds; a message shown later than this says so


def strip(view: View) -> list[Block]:
    """The message's attachment."""
    holder, following, since = _parts(view)
    text = joined(view.incident.name, holder, following, since)
    return bar(colour(view), text, joined(view.incident.name, _unbold(holder)), _note(view))


def _parts(view: View) -> tuple[str, str, str]:
    """The holder (bold), the next step, and since when."""
    incident, current = view.incident, view.stage
    if current is Stage.resolved:
        return _over(view), foreign(_resolved_cause(view), 120), ""
    if current is Stage.working and view.remediation:
        started = view.remediation.began_at or view.remediation.asked_at
        return _held(view, plain_since=False), "", f"started {at(started, view.now)}"
    if current is Stage.acknowledged:
        failed = view.failed_act
        if failed:
            return _held(view), "", _act_failed(view)
        return _held(view), "rings nobody", _since(view)
    if current is Stage.silenced and incident.silence:
        quiet = f"*quiet until {at(incident.silence.until, view.now)}*"
        reason = quoted(incident.silence.reason, 120)
        by = foreign(incident.silence.by, 40)
        return quiet, joined(f"{by}: {reason}" if by and reason else by or reason, "rings nobody"), ""
    return _free(view), _rings(view), joined(_since(view), _act_failed(view))


def _over(view: View) -> str:
    incident = view.incident
    began = at(incident.reopened_at or incident.opened_at, view.now)
    well = f", well {at(incident.resolved_at, view.now)}" if incident.resolved_at else ""
    return f"{_failed_word(incident)} {began}{well}"


def _failed_word(incident: Incident) -> str:
    return "failed" if incident.family in {Family.task, Family.run} else "sick"


def _resolved_cause(view: View) -> str:
    return cause(view) if view.incident.family is Family.task and view.incident.exemplar.exception else ""


def _held(view: View, *, plain_since: bool = True) -> str:
    incident = view.incident
    person = incident.holder or (view.remediation.person if view.remediation else None)
    holder = f"*{who(person)} has it*" if person else _free(view)
    return f"{holder} since {at(incident.held_at, view.now)}" if plain_since and incident.held_at else holder


def _free(view: View) -> str:
    incident = view.incident
    if view.page_said == "trigger":
        return f"*{foreign(view.pager, 40)} rang, no answer yet*"
    if view.page_error:
        return f"*nobody has it, and the page to {foreign(view.pager, 40)} failed*"
    if incident.times > 1:
        last = f", {foreign(incident.last_holder, 40)} had it last" if incident.last_holder else ""
        return f"*nobody has it now*{last}"
    return "*nobody has it yet*"


def _rings(view: View) -> str:
    """When the person on call will be paged; empty if no page is due, or it was sent already."""
    due: datetime | None = view.incident.page_at
    if due is None or view.page_said or view.page_error:
        return ""
    return f"rings the person on call at {at(due, view.now)}" if due > view.now else "rings the person on call now"


def _since(view: View) -> str:
    incident = view.incident
    if incident.times > 1 and incident.reopened_at:
        return f"reopened {at(incident.reopened_at, view.now)}"
    word = {Family.task: "failed", Family.run: "failed", Family.late: "late since"}.get(incident.family, "since")
    return f"{'since' if view.is_storm else word} {at(incident.opened_at, view.now)}"


def _act_failed(view: View) -> str:
    failed = view.failed_act
    if failed is None:
        return ""
    when = f" {at(failed.ended_at, view.now)}" if failed.ended_at else ""
    return f"{action_words.verb(failed.plan, action_words.DOING)} failed{when}"


def _note(view: View) -> str:
    if view.late > _LATE and view.stage in {Stage.firing, Stage.again}:
        return f"⏳ Shown {span(view.late)} late"
    if view.stage is Stage.again and view.incident.times > 2:
        return "Flapping: one message, no repeats"
    if view.page_error and view.stage in {Stage.firing, Stage.again}:
        return f"{foreign(view.pager, 40)}: {foreign(view.page_error, 200)}"
    return ""


def _unbold(text: str) -> str:
    return text.replace("*", "")
