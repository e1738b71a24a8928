"""Actions that change an incident but nothing in Airflow: acknowledge, unacknowledge, resolve, reopen, escalate.

The incident is locked while the press is decided, so when two people press at once the second learns who was first.
Every press, allowed or refused, is written to the audit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from bot.core.access import SOMEWHERE, No, Person
from bot.core.errors import Refused
from bot.core.incidents import lifecycle, presses
from bot.core.incidents.alert import Kind, Place
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.redaction import redact
from bot.responder.access.authorization import about_incident, decide, with_tags
from bot.responder.services import Services
from bot.responder.signals.placement import page_after
from bot.store import alerts, audit, incidents
from bot.store.audit import learn as learn_request
from bot.store.signals import heard


def press(services: Services, person: Person, verb: str, incident_id: int, note: str = "") -> Incident | Refused:
    """Carries out a press. Returns the incident as it is afterwards, or why the press was refused."""
    now, note = services.clock(), redact(note)
    refused = _refused(services, person, verb, incident_id) or _configured(services, verb)
    with services.store.write(alone=True) as t:
        result = refused or _press(services, t, person, verb, incident_id, note, now)
        outcome = result.reason if isinstance(result, Refused) else result.state.value
        audit.record(t, now, person, verb, f"A-{incident_id} {note}".strip(), allowed=refused is None,
                      outcome=outcome, incident_id=None if isinstance(result, Refused) else incident_id)  # fmt: skip
    services.wake()
    return result


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A press in a pager: `event` identifies its report, so that a repeat is ignored; `at` is when it was made."""

    event: tuple[str, ...]
    at: datetime


def paged_under(services: Services, key: str) -> int | None:
    """The number of the incident that paged under this dedup key; None if none did."""
    with services.store.read() as t:
        return alerts.by_ref(t, "", key)


def pressed_elsewhere(
    services: Services, person: Person, verb: str, incident_id: int, note: str, elsewhere: Elsewhere
) -> bool:
    """Applies a press by a person who was allowed to make it in a pager. True when it changed something."""
    now = services.clock()
    with services.store.write(alone=True) as t:
        if not heard.first_time(t, now, *elsewhere.event):
            return False
        incident = incidents.for_change(t, incident_id)
        late = _is_late(t, incident, verb, elsewhere.at) if incident else None
        if late is None and incident and verb == "resolve" and incident.last_at > elsewhere.at:
            result: Incident | Refused = _resolve_what_was_seen(services, t, incident, person, note, elsewhere.at, now)
        else:  # at the moment of the press, by which older and newer presses are told apart
            result = late or _press(services, t, person, verb, incident_id, note, elsewhere.at)
        outcome = result.reason if isinstance(result, Refused) else result.state.value
        audit.record(
            t, now, person, verb, f"A-{incident_id} {note}", allowed=True, outcome=outcome, incident_id=incident_id
        )
    services.wake()
    return not isinstance(result, Refused)


def _is_late(t: Connection, incident: Incident, verb: str, pressed_at: datetime) -> Refused | None:
    """Refuses a press if what it is about changed after the press was made: the incident was reopened, escalated, taken,
    given back or resolved, or became worse."""
    since = {"unacknowledge": incident.held_at, "reopen": incident.resolved_at}.get(verb)
    if since is None:
        since = max(filter(None, (incident.reopened_at or incident.opened_at, incident.escalated_at)))
    given_back = verb == "acknowledge" and incidents.has_entry(t, incident.id, "unacknowledged", pressed_at)
    if pressed_at >= since and not given_back:
        return None
    return Refused(
        f"It was pressed at {pressed_at:%Y-%m-%d %H:%M:%S} UTC, before {incident.name} became what it is.", ""
    )


def _resolve_what_was_seen(
    services: Services,
    t: Connection,
    incident: Incident,
    person: Person,
    note: str,
    pressed_at: datetime,
    now: datetime,
) -> Incident | Refused:
    """Resolves what had failed when it was pressed. What failed since then still fails: it reopens the incident and
    pages anew, because the person's press ended the page."""
    incidents.all_well(t, incident.id, pressed_at, failed_until=pressed_at)
    if not incidents.sick_count(t, incident.id):
        return _press(services, t, person, "resolve", incident.id, note, incident.last_at)
    seen = presses.resolved_too_early(incident, person, pressed_at, now, note, page_after(services, incident))
    save(t, seen, now)
    alerts.ring(t, seen.incident, services.pagers)
    return seen.incident


def _refused(services: Services, person: Person, verb: str, incident_id: int) -> Refused | None:
    """Why the person may not press this, None if they may. It is decided before the incident is locked."""
    with services.store.read() as t:
        incident = incidents.get(t, incident_id)
        about = about_incident(t, incident) if incident else SOMEWHERE
    learn_request(deployment=about.deployment if incident else "")
    settled = with_tags(services, verb, about)
    if isinstance(settled, Refused):
        return settled
    decided = decide(services, person, verb, settled)
    return decided.refused if isinstance(decided, No) else None


def _configured(services: Services, verb: str) -> Refused | None:
    if verb == "escalate" and not services.pages:
        return Refused("Nobody can be rung: no pager, such as PagerDuty, is configured.", "help")
    return None


def _press(
    services: Services, t: Connection, person: Person, verb: str, incident_id: int, note: str, now: datetime
) -> Incident | Refused:
    incident = incidents.for_change(t, incident_id)
    if incident is None:
        return Refused(f"There is no alert A-{incident_id}.", "open")
    if verb == "reopen" and (instead := incidents.open_with_key_of(t, incident)):
        return Refused(f"A-{instead} is open for the same trouble.", f"ack A-{instead}")
    seen = presses.press(incident, verb, person, now, note)
    if isinstance(seen, Refused):
        return seen
    save(t, seen, now)
    if verb == "resolve":
        incidents.all_well(t, incident_id, now)
    if verb == "reopen" and incident.resolved_at is not None:
        incidents.sick_again(t, incident_id, incident.resolved_at)
    rings = seen.incident.state is State.open or verb == "escalate"
    if seen.incident.page_at is not None and rings:
        for pager in services.pagers:
            alerts.ensure(t, incident_id, Place(Kind.pager, pager), seen.incident.page_at)
    return seen.incident


def save(t: Connection, seen: lifecycle.Observation, now: datetime) -> None:
    """Stores an observation; the incident's alerts are due now."""
    incidents.save(t, seen.incident)
    if seen.entry is not None:
        incidents.add_entry(t, seen.incident.id, seen.entry)
    alerts.hurry(t, seen.incident.id, now)


def note(services: Services, incident_id: int, entry: Entry) -> None:
    """Adds a line to a timeline; the alert is owed again."""
    with services.store.write() as t:
        incident = incidents.for_change(t, incident_id)
        if incident is not None:
            save(t, lifecycle.note(incident, entry), entry.at)
    services.wake()


def learn(services: Services, incident_id: int, context: dict[str, object]) -> None:
    """Stores what Airflow reported about an incident; the alert is owed again if that is new."""
    with services.store.write() as t:
        incident = incidents.for_change(t, incident_id)
        if incident is None or incident.context == context:
            return
        incidents.save(t, replace(incident, context=context, version=incident.version + 1))
    services.wake()
