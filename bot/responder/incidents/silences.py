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
from bot.responder.signals.placement import page_after, quiet
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
            for incident in incidents.listed(t, OPEN_STATES, limit=MOST_OPEN):
                if incident.silence and incident.silence.id == silence_id:
                    _speak(services, t, incident, f"{person.name} ended the silence", now, person)
        outcome = refused.reason if refused else "ended"
        audit.record(t, now, person, "unsilence", f"S-{silence_id}", allowed=not_allowed is None, outcome=outcome)
    services.wake()
    return refused


def active(services: Services) -> list[Silence]:
    """The silences that hold now; the one that ends first comes first."""
    with services.store.read() as t:
        return silences.active_silences(t, services.clock())


def _where(services: Services, silence_id: int) -> About | Refused:
    one = next((one for one in active(services) if one.id == silence_id), None)
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
                window = not incident.silence.id
                text = "The maintenance window ended; it is still broken" if window else "The silence ended"
                _speak(services, t, incident, text, now)
    if over:
        services.wake()


def _speak(
    services: Services, t: Connection, incident: Incident, text: str, now: datetime, person: Person | None = None
) -> None:
    """Ends the incident's silence. If another silence or window covers all of it, that one takes over; otherwise the
    incident pages as if it had just failed."""
    who, who_id = (person.name, person.id) if person else ("", "")
    if other := _covered_by(services, t, incident, now):
        save(t, lifecycle.take_over(incident, other, text, who, who_id, now), now)
        return
    seen = lifecycle.speak(incident, text, who, who_id, now, page_after(services, incident))
    save(t, seen, now)
    alerts.ring(t, seen.incident, services.pagers)


def _covered_by(services: Services, t: Connection, incident: Incident, now: datetime) -> Silence | None:
    """The silence or open window that covers everything that still fails in the incident; of several, the one that ends
    first."""
    shown, held = incident.exemplar, silences.active_silences(t, now)[::-1]
    tags = incidents.dag_tags(t, incident.id)
    tasks = {(one.dag_id, one.task_id): one for one in incidents.subjects_of(t, incident.id, sick=True)}
    failing = [
        replace(shown, dag_id=dag_id, task_id=task_id, tags=tags.get(dag_id, shown.tags)) for dag_id, task_id in tasks
    ]
    found = [quiet(services, held, signal, incident.signature, incident.severity, now) for signal in failing or [shown]]
    covering = [one for one in found if one is not None]
    return min(covering, key=lambda one: one.until) if len(covering) == len(found) else None
