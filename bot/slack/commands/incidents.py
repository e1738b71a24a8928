"""Verbs about alerts: ack, unack, resolve, reopen, escalate, silence, silences, unsilence."""

from __future__ import annotations

from datetime import timedelta

from bot.core.dates import duration
from bot.core.errors import Refused
from bot.core.incidents.incident import Incident
from bot.core.incidents.routing import exactly
from bot.core.incidents.view import View
from bot.responder.incidents import presses
from bot.responder.incidents.silences import active
from bot.responder.incidents.silences import silence as make_silence
from bot.responder.incidents.silences import unsilence as end_silence
from bot.slack.commands import grammar
from bot.slack.commands.request import Ask, incident_view, missing, not_there, refused, target
from bot.slack.replies import incidents, replies
from bot.slack.text.block_kit import Message

_DONE = {
    "acknowledge": "You have {name}; it rings nobody.",
    "unacknowledge": "{name} is given back; nobody has it.",
    "resolve": "{name} is resolved.",
    "reopen": "{name} is open again.",
    "escalate": "{name} is escalated: {pagers} rings the person on call.",
}


def press(ask: Ask, verb: str) -> Message:
    """Makes one press on one alert and confirms it; the alert shows the details."""
    if not ask.words:
        return missing(ask, "an alert such as A-12")
    ref = grammar.ref(ask.words[0])
    if isinstance(ref, Refused) or ref.incident is None:
        return missing(ask, "an alert such as A-12")
    elsewhere = not_there(ask, ref)
    if elsewhere is not None:
        return refused(ask, elsewhere, verb)
    return pressed(ask, verb, ref.incident, ask.command.after(1))


def pressed(ask: Ask, verb: str, incident_id: int, note: str = "") -> Message:
    done = presses.press(ask.services, ask.person, verb, incident_id, note)
    if isinstance(done, Incident):
        return replies.told(
            _DONE[verb].format(name=done.name, pagers=" and ".join(ask.services.pagers.values())), f"show {done.name}"
        )
    return refused(ask, done, verb)


def ack(ask: Ask) -> Message:
    return press(ask, "acknowledge")


def unack(ask: Ask) -> Message:
    return press(ask, "unacknowledge")


def resolve(ask: Ask) -> Message:
    return press(ask, "resolve")


def reopen(ask: Ask) -> Message:
    return press(ask, "reopen")


def escalate(ask: Ask) -> Message:
    return press(ask, "escalate")


def silence(ask: Ask) -> Message:
    """`silence A-12 for 2h reason`, or a DAG or task instead of an alert."""
    if not ask.words:
        return missing(ask, "what, for how long and why: `silence A-12 for 2h reason`")
    said = _how_long(ask)
    if isinstance(said, Refused):
        return refused(ask, said, "silence")
    scoped = _scope(ask, ask.words[0])
    if isinstance(scoped, Refused):
        return refused(ask, scoped, "silence")
    made = make_silence(ask.services, ask.person, *scoped, *said)
    if isinstance(made, Refused):
        return refused(ask, made, "silence")
    return replies.told(
        f"S-{made.id} is quiet until {made.until:%H:%M} UTC; alerts stay visible.", f"unsilence S-{made.id}"
    )


def _how_long(ask: Ask) -> tuple[timedelta, str] | Refused:
    """Duration and reason: `for 2h reason`, `2h reason`, or only a reason, which lasts an hour."""
    words = ask.words[1:]
    begins = 1 if words and words[0].lower() == "for" else 0
    said = words[begins] if len(words) > begins else ""
    lasts = duration(said)
    if lasts is None and begins and any(sign.isdigit() for sign in said):
        return grammar.fault(ask.command, said, f"`{said[:60]}` isn't a duration such as 30m, 2h or 1d")
    return (lasts or timedelta(hours=1)), ask.command.after(2 + begins if lasts else 1)


def _scope(ask: Ask, word: str) -> tuple[str, str] | Refused:
    """(scope, deployment) for an alert, a DAG or a task."""
    ref = grammar.ref(word)
    if isinstance(ref, Refused):
        return ref
    if ref.incident is not None:
        seen = incident_view(ask, word)
        if isinstance(seen, Refused):
            return seen
        return scope_of(seen), seen.incident.deployment
    found = target(ask, ref)
    if isinstance(found, Refused):
        return found
    task = exactly(f"{found.dag_id}.{found.task_id}")
    scope = f"task:{task}" if found.task_id else f"dag:{exactly(found.dag_id)}"
    return scope, found.airflow.name


def scope_of(seen: View) -> str:
    """The default scope of an alert's silence: its cause, its task, or the thing itself."""
    signal = seen.incident.exemplar
    if not signal.task_id:
        return f"thing:{signal.label}"
    return (
        f"signature:{seen.incident.signature}"
        if signal.exception.type
        else f"task:{exactly(f'{signal.dag_id}.{signal.task_id}')}"
    )


def silences(ask: Ask) -> Message:
    return incidents.silences(active(ask.services))


def unsilence(ask: Ask) -> Message:
    number = ask.words[0].upper().removeprefix("S-") if ask.words else ""
    if not number.isdecimal():
        return missing(ask, "a silence such as S-3")
    return unsilenced(ask, int(number))


def unsilenced(ask: Ask, silence_id: int) -> Message:
    not_done = end_silence(ask.services, ask.person, silence_id)
    if not_done is not None:
        return refused(ask, not_done, "unsilence")
    return replies.told(f"S-{silence_id} has ended.", "silences")
