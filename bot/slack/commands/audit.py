"""`audit` and `break-glass`: who did what. Users see their own lines; other people's lines are for operators."""

from __future__ import annotations

from datetime import timedelta

from bot.core.access import About
from bot.core.dates import duration
from bot.core.errors import Refused
from bot.core.roles import Role
from bot.responder.access import audit as audits
from bot.responder.access import authorization
from bot.responder.access import break_glass as glass
from bot.slack.commands import grammar
from bot.slack.commands.request import Ask, missing, refused
from bot.slack.replies import replies
from bot.slack.replies.approval import standing
from bot.slack.replies.audit import lines_of
from bot.slack.text.block_kit import Message

SHOWN = 15


def audit(ask: Ask) -> Message:
    """The newest lines: all of them, those of an alert or a name, or those of a person; everyone sees their own."""
    word = ask.words[0] if ask.words else ""
    mine = word.startswith("@") and _is_me(ask, word)
    if not mine:
        not_allowed = authorization.may(ask.services, ask.person, "audit", word, about=About()) if word else None
        if not_allowed is not None:
            return refused(ask, not_allowed, "audit")
    everything = not word and ask.services.access.role_of(ask.person, "") >= Role.operator
    if mine or (not word and not everything):
        found = audits.lines_of(ask.services, ask.person.id, SHOWN + 1)
    elif word.startswith("@"):  # `@U0ANA`, as Slack escapes it, or a first name as typed
        found = audits.lines_of(ask.services, word.removeprefix("@").partition("|")[0], SHOWN + 1)
    else:
        ref = grammar.ref(word) if word else None
        incident = None if ref is None or isinstance(ref, Refused) else ref.incident
        found = audits.lines_about(ask.services, word, incident, SHOWN + 1)
    return lines_of(found[:SHOWN], ask.services.clock(), more=len(found) > SHOWN, mine=not (word or everything))


def _is_me(ask: Ask, word: str) -> bool:
    name = word.removeprefix("@").partition("|")[0]
    return name == ask.person.id or name.lower() in {ask.person.name.lower(), "me"}


def break_glass(ask: Ask) -> Message:
    """`break-glass 30m reason…`, `break-glass end`, or the roles that are active now."""
    if not ask.words:
        return standing(glass.held(ask.services), ask.services.access.break_glass.longest)
    if ask.words[0].lower() == "end":
        not_done = glass.end(ask.services, ask.person)
        return (
            refused(ask, not_done, glass.VERB)
            if not_done
            else replies.told("It is over: you have your own role again.")
        )
    lasts = duration(ask.words[0])
    if lasts is None:
        return missing(ask, "for how long, and why: `break-glass 30m the month-end load stands still`")
    made = glass.begin(ask.services, ask.person, _whole(lasts), " ".join(ask.words[1:]))
    if isinstance(made, Refused):
        return refused(ask, made, glass.VERB)
    return replies.told(
        f"You are *{made.role}* until {made.until:%H:%M} UTC. The channel is notified, and each action under it is marked.",
        f"{glass.VERB} end",
    )


def _whole(lasts: timedelta) -> timedelta:
    return timedelta(seconds=int(lasts.total_seconds()))
