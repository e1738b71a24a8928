"""The second person and the broken glass, as people see them: the request with its two buttons, how it ended, and what is said
loudly.

Hard case: a variable's value, which the asker saw and the channel must not: a request names things, states of task instances
and a run's conf without its secrets, never a variable's value. Rule: the second person sees all that the preview showed; who
asked and who approved stand in the message by name, and nobody is rung by an edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.core.errors import Refused
from bot.core.remediation import Plan, named
from bot.responder.access.authorization import SECOND_PERSON
from bot.responder.remediation import second_person
from bot.responder.remediation.approve import approve
from bot.responder.services import Desk
from bot.slack import acts, answers, previews
from bot.slack.kit import Block, Message, actions, button, context, message, section
from bot.slack.poster import Poster
from bot.slack.verbs.ask import refused
from bot.slack.words import at, bare, code, count, foreign, joined, link, quoted, span
from bot.store.approvals import Approval, Glass, Standing
from bot.store.audit import Line

if TYPE_CHECKING:
    from bot.slack.pressed import Pressed

APPROVE, TAKE_BACK = "approve", "take-back"
_ENDS = {
    Standing.expired: "⌛ *Nobody approved it within ten minutes; nothing was changed.*",
    Standing.moved: "⚠️ *The list moved while it waited; nothing was changed.*",
}


def request(approval: Approval) -> Message:
    """How a plan that needs a second person stands."""
    plan = approval.plan
    who, deed = foreign(plan.person.name, 40), acts.act(plan, acts.DO, code)
    below = context(joined(code(named(plan.changes), 300), foreign(plan.deployment, 60), _reason(plan)))
    if approval.standing is Standing.waiting:
        return _waiting(plan, f"✋ *{who} asks for a second person:* {deed}", f"{who} asks for a second person")
    if approval.standing is Standing.approved:
        said = f"🔧 *{who} asked, {foreign(approval.second, 40)} approved:* {deed}"
    elif approval.standing is Standing.taken_back:
        said = f"↩️ *{who} took it back; nothing was changed:* {deed}"
    else:
        said = f"{_ENDS[approval.standing]} {who} asked: {deed}"
    return message(bare(said), section(said), below)


def _waiting(plan: Plan, said: str, plainly: str) -> Message:
    verb, size = acts.verb(plan, acts.DO), acts.size(plan)
    yes = button(APPROVE, f"Approve: {verb} {size}{acts.becomes(plan)}", plan.id, style="primary",
                 spoken=f"Approve: {verb} {acts.things(plan)}")  # fmt: skip
    until = f"until {at(plan.expires_at)}, by somebody else than {foreign(plan.person.name, 40)}"
    where = context(joined(foreign(plan.deployment, 60), _reason(plan)))
    row = actions("approval", yes, previews.everything(plan), button(TAKE_BACK, "Cancel", plan.id))
    told = replace(plan, warnings=tuple(one for one in plan.warnings if one != SECOND_PERSON))
    shown = [section(said), *previews.shown(told), where, row, context(until)]
    return message(f"{plainly}: {bare(acts.act(plan, acts.DO))}", *shown)


def _reason(plan: Plan) -> str:
    return quoted(plan.options.get("reason") or "", 200)


def held(plan: Plan) -> Message:
    """What stands in the place of the preview after the first person's Confirm."""
    said = f"✋ *Waits for a second person:* {acts.act(plan, acts.DO, code)}"
    asks = "the thread of " + f"A-{plan.incident_id}" if plan.incident_id else "the channel"
    return message(
        bare(said), section(said), actions("confirm", button("cancel", "Cancel", plan.id)),
        context(f"Nothing has been changed yet · {asks} asks somebody else to approve it until {at(plan.expires_at)}"),
    )  # fmt: skip


def show(poster: Poster, approval: Approval, channel: str, thread: str) -> tuple[str, str]:
    """The request is said once, to the channel too where it stands in a thread; afterwards it is edited."""
    if approval.ref:
        return poster.notice(approval.plan.id, request(approval), approval.channel_id, approval.ref)
    return poster.notice(approval.plan.id, request(approval), channel, thread=thread)


def loud(poster: Poster, glass: Glass, channel: str, deeds: int | None) -> None:
    """Somebody broke the glass (`deeds` is None), or it is over."""
    said = broken(glass) if deeds is None else over(glass, deeds)
    poster.notice(f"glass-{glass.id}-{'broken' if deeds is None else 'over'}", said, channel)


def broken(glass: Glass) -> Message:
    lasts = span((glass.until - glass.began_at).total_seconds())
    said = f"🚨 *{foreign(glass.person.name, 40)} broke the glass:* {glass.role} for {lasts}, until {at(glass.until)}"
    return message(
        bare(said), section(f"{said}\n{quoted(glass.reason, 500)}"), context("The audit marks every act under it")
    )


def over(glass: Glass, deeds: int) -> Message:
    did = f"the audit has {count(deeds, 'line')} of what was done" if deeds else "nothing was done under it"
    said = f"🔒 *{foreign(glass.person.name, 40)} is no {glass.role} any more:* {did}"
    return message(bare(said), section(said), context(quoted(glass.reason, 300)))


def presses(desk: Desk) -> dict[str, Callable[[Pressed], None]]:
    """What the listeners register: approve, and the first person's Cancel."""

    def on_approve(pressed: Pressed) -> None:
        done = approve(desk, pressed.ask.person, pressed.value)
        if isinstance(done, Refused):
            pressed.say(refused(pressed.ask, done, APPROVE))

    def on_take_back(pressed: Pressed) -> None:
        not_done = second_person.take_back(desk, pressed.ask.person, pressed.value)
        if not_done is not None:
            pressed.say(refused(pressed.ask, not_done, "cancel"))

    return {APPROVE: on_approve, TAKE_BACK: on_take_back}


def cancelled(desk: Desk, pressed: Pressed) -> None:
    """Cancel under one's own list: what waits for a second person is taken back too."""
    not_done = second_person.take_back(desk, pressed.ask.person, pressed.value)
    pressed.say(answers.cancelled() if not_done is None else refused(pressed.ask, not_done, "cancel"), replace=True)


def lines_of(found: Sequence[Line], now: datetime, *, more: bool, mine: bool) -> Message:
    """The audit's lines, the newest first."""
    whose = "what you did" if mine else "the newest first"
    if not found:
        return message("The audit has no such line", section("The audit has no such line."), context(whose))
    rows = [_row(one, now) for one in found]
    fuller = "older ones: `python -m bot audit --json`" if more else ""
    return message(f"Audit: {count(len(found), 'line')}", *_sections(rows), context(joined(whose, fuller)))


def _sections(rows: Sequence[str]) -> list[Block | None]:
    return [section("\n".join(rows[start : start + 5])) for start in range(0, len(rows), 5)]


def _row(one: Line, now: datetime) -> str:
    sign = "•" if one.allowed else "🔒"
    who = foreign(one.who, 40) + (f" with {foreign(one.second, 40)}" if one.second else "")
    what = f"{foreign(one.verb, 40)} {code(one.argument, 80)}".strip()
    ended = foreign(one.outcome, 120)
    flags = joined("🚨 broken glass" if one.break_glass else "", foreign(one.deployment, 40), _opened(one.link))
    return f"{sign} {at(one.at, now)} *{who}* {what}: {ended}" + (f" · {flags}" if flags else "")


def _opened(url: str) -> str:
    return link(url, "message") if url.startswith("http") else ""


def standing(held: Sequence[Glass], longest: timedelta) -> Message:
    """Who has broken the glass now."""
    most = f"`break-glass {longest.total_seconds() / 60:.0f}m why` breaks it, `break-glass end` ends it"
    said = [
        f"🚨 *{foreign(one.person.name, 40)}* is {one.role} until {at(one.until)}: {quoted(one.reason)}" for one in held
    ]
    text = "\n".join(said[:10]) or "Nobody has broken the glass."
    return message(bare(text), section(text), context(most))
