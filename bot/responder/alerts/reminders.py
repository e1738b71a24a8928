"""Reminds holders of incidents acknowledged long ago, and shows when storms have stopped growing.

A reminder is a line in the thread that mentions the holder. It changes nothing and is sent once per interval, even if
two replicas check at the same time. Whether a storm is over counts from when its message was last shown, so a restart
at that moment does no harm.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.incidents import lifecycle
from bot.core.incidents.incident import RECENT, Entry, Incident, State
from bot.responder.incidents.presses import save
from bot.responder.services import Services
from bot.store import alerts, incidents

REMINDER = "reminder"
EVERY = timedelta(seconds=60)  # how often both are checked
SLOWEST = timedelta(seconds=15)  # a message shown just after the end may have been rendered just before it


def remind(services: Services) -> None:
    """Reminds holders who have had an incident for longer than the policy says."""
    after, now = services.policy.remind_after, services.clock()
    if after is None:
        return
    with services.store.read() as t:
        held = incidents.listed(t, (State.acknowledged.value,), limit=500)
        due = [incident for incident in held if now - _last(incidents.timeline(t, incident.id), incident) >= after]
    for incident in due:
        if incident.holder is not None and incident.held_at is not None:
            hours = (now - incident.held_at).total_seconds() / 3600
            text = f"{incident.holder.name} has had it for {hours:.0f} h; still at it?"
            _remind_once(services, incident, Entry(now, REMINDER, text, incident.holder.name, incident.holder.id))


def _remind_once(services: Services, seen: Incident, entry: Entry) -> None:
    """Adds the reminder, unless another replica was faster or the incident has changed since."""
    with services.store.write() as t:
        known = incidents.for_change(t, seen.id)
        if known is None or known.held_at != seen.held_at or known.version != seen.version:
            return
        save(t, lifecycle.note(known, entry), entry.at)
    services.wake()


def settle(services: Services) -> None:
    """Shows a storm's message once more: it says "still growing" until five minutes after the last failure."""
    now = services.clock()
    with services.store.read() as t:
        quiet = alerts.shown_growing(t, RECENT + SLOWEST, now - RECENT)
        storms = [one for one in quiet if incidents.counts(t, one, now).things > 1]
    for incident_id in storms:
        with services.store.write() as t:
            incident = incidents.for_change(t, incident_id)
            if incident is not None:
                incidents.save(t, replace(incident, version=incident.version + 1))
    if storms:
        services.wake()


def _last(timeline: list[Entry], incident: Incident) -> datetime:
    """When the holder took the incident, or was last reminded."""
    taken = incident.held_at or incident.last_at
    return max([taken, *(entry.at for entry in timeline if entry.what == REMINDER)])
