"""People make and end silences, and silences expire. What still fails when one ends notifies again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.core.access import SOMEWHERE, About, No, Person, Yes
from bot.core.errors import Refused
from bot.core.incidents import lifecycle
from bot.core.incidents.incident import OPEN_STATES, Incident
from bot.core.incidents.routing import Severity, Silence
from bot.core.redaction import redact
from bot.responder.access.authorization import about_silence, decide, raised
from bot.responder.incidents.presses import save
from bot.responder.services import Services
from bot.responder.signals.placement import place
from bot.store import alerts, audit, incidents, silences

LONGEST_SILENCE = timedelta(days=30)
MOST_OPEN = 100_000  # incidents that a silence may cover, or whose silence may end


def silence(
    services: Services, person: Person, scope: str, deployment: str, lasts: timedelta, reason: str
) -> Silence | Refused:
    """Silences what the scope matches: new failures, and incidents that are open already."""
    now, reason = services.clock(), redact(reason)
    decided = _decided(services, person, "silence", about_silence(services, "silence", scope, deployment))
    not_allowed = decided.refused if isinstance(decided, No) else None
    refused = not_allowed or _sensible(lasts)
    with services.store.write(alone=True) as t:
        if refused is None:
            role = max(services.access.role_of(person, deployment), raised(services, person))
            made = Silence(0, scope, deployment, now + lasts, person.name, reason or "no reason given", role=role)
            unresolved = incidents.listed(t, OPEN_STATES, limit=MOST_OPEN)
            covered = [one for one in unresolved if made.covers(one.exemplar, one.signature, now)]
            worst = max((one.severity for one in covered), key=lambda one: one.rank, default=Severity.critical)
            made = silences.add_silence(t, replace(made, severity=worst), now)
            for incident in covered:
                save(t, lifecycle.quieten(incident, made, person, now), now)
        outcome = refused.reason if refused else f"S-{made.id}"
        audit.record(
            t, now, person, "silence", f"{deployment}:{scope} {reason}", allowed=not_allowed is None, outcome=outcome
        )
    services.wake()
    return refused or made


def _sensible(lasts: timedelta) -> Refused | None:
    if timedelta(0) < lasts <= LONGEST_SILENCE:
        return None
    return Refused(f"A silence lasts between a minute and {LONGEST_SILENCE.days} days.", "silence A-12 for 2h reason")


def unsilence(services: Services, person: Person, silence_id: int) -> Refused | None:
    """Ends a silence. None when it is done."""
    now = services.clock()
    decided = _decided(services, person, "unsilence", _where(services, silence_id))
    not_allowed = decided.refused if isinstance(decided, No) else None
    refused = not_allowed
    with services.store.write(alone=True) as t:
        if refused is None and not silences.end_silence(t, silence_id, now):
            refused = Refused(f"There is no silence S-{silence_id} that still holds.", "silences")
        elif refused is None:
            _let_speak(t, silence_id, f"{person.name} ended the silence", person, now)
        outcome = refused.reason if refused else "ended"
        audit.record(t, now, person, "unsilence", f"S-{silence_id}", allowed=not_allowed is None, outcome=outcome)
    services.wake()
    return refused


def _where(services: Services, silence_id: int) -> About | Refused:
    with services.store.read() as t:
        held = silences.active_silences(t, services.clock())
    one = next((one for one in held if one.id == silence_id), None)
    return SOMEWHERE if one is None else about_silence(services, "unsilence", one.scope, one.deployment)


def _decided(services: Services, person: Person, verb: str, about: About | Refused) -> Yes | No:
    """Decides; if Airflow can't be asked, deny (fail closed)."""
    return No(None, about.reason) if isinstance(about, Refused) else decide(services, person, verb, about)


def end_old_silences(services: Services) -> None:
    """Lifts silences and maintenance windows that are over from their incidents."""
    now = services.clock()
    with services.store.read() as t:
        unresolved = incidents.listed(t, OPEN_STATES, limit=MOST_OPEN)
    over = [incident.id for incident in unresolved if incident.silence and incident.silence.until <= now]
    for incident_id in over:
        with services.store.write() as t:
            incident = incidents.for_change(t, incident_id)
            if incident is not None and incident.silence and incident.silence.until <= now:
                _speak(services, t, incident, now)
    if over:
        services.wake()


def _speak(services: Services, t: Connection, incident: Incident, now: datetime) -> None:
    ended = (
        "The maintenance window ended; it is still broken" if not incident.silence or not incident.silence.id else ""
    )
    seen = lifecycle.speak(incident, ended or "The silence ended", "", "", now, _page_after(services, incident))
    save(t, seen, now)
    if seen.incident.page_at is not None and services.pages:
        alerts.ring(t, incident.id, seen.incident.page_at)


def _page_after(services: Services, incident: Incident) -> timedelta | None:
    """How long to wait before paging, as if the incident had just failed; None: no page. It may be critical because of
    an earlier failure than the latest."""
    placement = place(services, incident.exemplar)[1]
    worse = incident.severity is Severity.critical and placement.severity is not Severity.critical
    return timedelta(0) if worse and services.pages else placement.page_after


def _let_speak(t: Connection, silence_id: int, text: str, person: Person, now: datetime) -> None:
    for incident in incidents.listed(t, OPEN_STATES, limit=MOST_OPEN):
        if incident.silence and incident.silence.id == silence_id:
            save(t, lifecycle.speak(incident, text, person.name, person.id, now), now)
