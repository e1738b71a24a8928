"""remind: who has had an incident for long is asked whether they still do.

Rule: a reminder is a line in the thread with the person's name; it changes nothing and comes once in each stretch of time.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.incident import Entry, Incident, State
from bot.responder.desk import Desk
from bot.responder.press import note
from bot.store import incidents

REMINDER = "reminder"


def remind(desk: Desk) -> None:
    """Reminds the holders of what has been theirs for longer than the policy says."""
    after, now = desk.policy.remind_after, desk.clock()
    if after is None:
        return
    with desk.store.read() as t:
        held = incidents.listed(t, (State.acknowledged.value,), limit=500)
        due = [incident for incident in held if now - _last(incidents.timeline(t, incident.id), incident) >= after]
    for incident in due:
        if incident.holder is not None and incident.held_at is not None:
            hours = (now - incident.held_at).total_seconds() / 3600
            text = f"{incident.holder.name} has had it for {hours:.0f} h; still at it?"
            note(desk, incident.id, Entry(now, REMINDER, text, incident.holder.name, incident.holder.id))


def _last(timeline: list[Entry], incident: Incident) -> datetime:
    """When the holder took it, or was last reminded."""
    taken = incident.held_at or incident.last_at
    return max([taken, *(entry.at for entry in timeline if entry.what == REMINDER)])
