"""What a person's press does to an incident. If two people press at once, the second one sees who was first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.lifecycle import Observation, resolved


def press(incident: Incident, verb: str, person: Person, now: datetime, note: str = "") -> Observation | Refused:
    """Applies a press to the incident: acknowledge, unacknowledge, resolve, reopen or escalate."""
    moves = {"acknowledge": _acknowledge, "unacknowledge": _unacknowledge, "resolve": _resolve, "reopen": _reopen,
             "escalate": _escalate}  # fmt: skip
    return moves[verb](incident, person, now, note)


def _acknowledge(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved already.", f"reopen {incident.name}")
    if incident.holder and incident.holder.id == person.id:
        return Refused(f"You have {incident.name} already.", f"resolve {incident.name}")
    if incident.holder:
        return Refused(f"{incident.holder.name} has {incident.name} already.", f"unack {incident.name}")
    held = replace(incident, state=State.acknowledged, version=incident.version + 1, holder=person, held_at=now)
    return Observation(
        held, Entry(now, "acknowledged", note or f"{person.name} has it", person.name, person.id), "taken"
    )


def _unacknowledge(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is not State.acknowledged or incident.holder is None:
        return Refused(f"Nobody has {incident.name}.", f"ack {incident.name}")
    free = replace(incident, state=State.open, version=incident.version + 1, holder=None, held_at=None,
                   last_holder=incident.holder.name)  # fmt: skip
    text = note or f"{person.name} gave it back"
    return Observation(free, Entry(now, "unacknowledged", text, person.name, person.id), "given back")


def _resolve(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        who = f" by {incident.resolved_by}" if incident.resolved_by else ""
        return Refused(f"{incident.name} was resolved{who} already.", f"reopen {incident.name}")
    text = note or f"{person.name} resolved it"
    return resolved(incident, now, person.name, note or f"{person.name} resolved it by hand", text, now, person.id)


def _reopen(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is not State.resolved:
        return Refused(f"{incident.name} is open already.", f"ack {incident.name}")
    fresh = replace(incident, state=State.open, version=incident.version + 1, resolved_at=None, resolved_by="",
                    resolution="", reopened_at=now, times=incident.times + 1, holder=None, held_at=None,
                    escalated_at=None)  # fmt: skip
    text = note or f"{person.name} opened it again"
    return Observation(fresh, Entry(now, "reopened", text, person.name, person.id), "reopened by hand")


def _escalate(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved; there is nothing to escalate.", f"reopen {incident.name}")
    text = f"{person.name} escalated it" + (f": {note}" if note else "")
    fresh = replace(incident, version=incident.version + 1, page_at=now, escalated_at=now)
    return Observation(fresh, Entry(now, "escalated", text, person.name, person.id), "escalated by hand")


def resolved_too_early(
    incident: Incident, person: Person, pressed_at: datetime, now: datetime, note: str, page_after: timedelta | None
) -> Observation:
    """A resolution, reported late, of an incident that has failed again since it was pressed: the incident is open,
    nobody holds it, and it pages `page_after` from now (None, or under a silence: no page)."""
    pages = page_after is not None and incident.silence is None
    fresh = replace(incident, state=State.open, version=incident.version + 1, times=incident.times + 1, holder=None,
                    held_at=None, last_holder=person.name, reopened_at=incident.last_at,
                    page_at=now + page_after if pages and page_after is not None else None,
                    escalated_at=now if pages else None)  # fmt: skip
    text = f"{note or f'{person.name} resolved it'} at {pressed_at:%H:%M:%S} UTC; it has failed again since"
    return Observation(
        fresh, Entry(now, "reopened", text, person.name, person.id), "reopened: it failed after the press"
    )
