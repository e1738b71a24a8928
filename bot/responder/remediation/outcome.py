"""Records a remediation's steps and its end. A visible step raises the incident's version, so its message is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.core.incidents.incident import Entry
from bot.core.remediation import Progress, Remediation
from bot.responder.incidents.presses import note
from bot.responder.services import Services
from bot.store import alerts, incidents, remediations


def end(
    services: Services, remediation: Remediation, progress: Progress, answer: str, *, tell: bool = True
) -> Remediation:
    """Ends the remediation, whatever the outcome, and deletes a variable's value or a run's conf, no longer needed."""
    ended = replace(remediation, progress=progress, answer=answer, ended_at=services.clock())
    if remediation.plan.action in remediations.GIVES:
        with services.store.write() as t:
            remediations.forget_value(t, remediation.plan.id)
    if tell:
        what = "ended" if progress in {Progress.done, Progress.partly} else "not done"
        enter(services, remediation, what, answer if what == "ended" else _failure(progress, answer))
    return save(services, ended)


def _failure(progress: Progress, answer: str) -> str:
    sentence = "The outcome is not known" if progress is Progress.unknown else "Nothing was changed"
    return f"{sentence}: {answer}"


def enter(services: Services, remediation: Remediation, what: str, text: str) -> None:
    if remediation.incident_id is not None:
        person = remediation.person
        note(services, remediation.incident_id, Entry(services.clock(), what, text, person.name, person.id))


def save(
    services: Services, changed: Remediation, *, silent: bool = False, until: timedelta | None = None
) -> Remediation:
    """Stores the step; unless silent, the message that shows it is owed. With `until`, the claim is kept that long."""
    changed = replace(changed, version=changed.version + (0 if silent else 1))
    with services.store.write() as t:
        remediations.save(t, changed, None if until is None else services.clock() + until)
    if not silent:
        show(services, changed)
    return changed


def show(services: Services, changed: Remediation) -> None:
    """Updates the message that shows progress; progress adds no timeline entry."""
    if changed.incident_id is not None and changed.progress in {Progress.doing, Progress.watching}:
        with services.store.write() as t:
            incidents.touch(t, changed.incident_id)
            alerts.hurry(t, changed.incident_id, services.clock())
    services.wake()
