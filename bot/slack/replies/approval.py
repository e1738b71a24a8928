"""The request for a second person's approval, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.core.access import Glass
from bot.core.dates import span
from bot.core.remediation import Approval, Plan, Standing, named
from bot.responder.access.authorization import SECOND_PERSON
from bot.slack.alert import action_words
from bot.slack.replies import preview
from bot.slack.text.block_kit import Message, actions, button, context, message, section
from bot.slack.text.words import at, bare, code, count, foreign, joined, quoted

APPROVE, TAKE_BACK = "approve", "take-back"

_ENDS = {
    Standing.expired: "⌛ *Nobody approved it within ten minutes; nothing was changed.*",
    Standing.moved: "⚠️ *The list moved while it waited; nothing was changed.*",
}


def request(approval: Approval) -> Message:
    """The state of a plan that needs a second person."""
    plan = approval.plan
    who, deed = foreign(plan.person.name, 40), action_words.act(plan, action_words.DO, code)
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
    verb, size = action_words.verb(plan, action_words.DO), action_words.size(plan)
    yes = button(APPROVE, f"Approve: {verb} {size}{action_words.becomes(plan)}", plan.id, style="primary",
                 spoken=f"Approve: {verb} {action_words.things(plan)}")  # fmt: skip
    until = f"until {at(plan.expires_at)}, by someone other than {foreign(plan.person.name, 40)}"
    where = context(joined(foreign(plan.deployment, 60), _reason(plan)))
    row = actions("approval", yes, preview.everything(plan), button(TAKE_BACK, "Cancel", plan.id))
    told = replace(plan, warnings=tuple(one for one in plan.warnings if one != SECOND_PERSON))
    shown = [section(said), *preview.shown(told), where, row, context(until)]
    return message(f"{plainly}: {bare(action_words.act(plan, action_words.DO))}", *shown)


def _reason(plan: Plan) -> str:
    return quoted(plan.options.get("reason") or "", 200)


def held(plan: Plan) -> Message:
    """Replaces the preview after the first person's Confirm."""
    said = f"✋ *Waits for a second person:* {action_words.act(plan, action_words.DO, code)}"
    asks = "the thread of " + f"A-{plan.incident_id}" if plan.incident_id else "the channel"
    return message(
        bare(said), section(said), actions("confirm", button("cancel", "Cancel", plan.id)),
        context(f"Nothing has been changed yet · {asks} asks someone else to approve it until {at(plan.expires_at)}"),
    )  # fmt: skip


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


def standing(held: Sequence[Glass], longest: timedelta) -> Message:
    """The break-glass roles that are active now."""
    most = f"`break-glass {longest.total_seconds() / 60:.0f}m why` breaks it, `break-glass end` ends it"
    said = [
        f"🚨 *{foreign(one.person.name, 40)}* is {one.role} until {at(one.until)}: {quoted(one.reason)}" for one in held
    ]
    text = "\n".join(said[:10]) or "Nobody has broken the glass."
    return message(bare(text), section(text), context(most))
