"""What is written down of a remediation, and who is to see it.

Rule: a step that somebody sees is a version more, so that the message which shows it is owed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.core.incidents.incident import Entry
from bot.core.remediation import Plan, Progress, Remediation
from bot.responder.execute import run_id_of
from bot.responder.incidents.presses import note
from bot.responder.services import Desk
from bot.store import alerts, incidents, remediations


def past_sentence(plan: Plan) -> str:
    """What was done, as a timeline says it."""
    count = len(plan.changes)
    match plan.action:
        case "clear":
            did = f"cleared {_some(count, 'task instance')} of {', '.join(plan.dag_ids[:3])}"
        case "mark" if plan.is_of_runs:
            did = f"marked run {plan.scopes[0].run_id} {plan.options.get('state')}"
        case "mark":
            tasks = [change.what for change in plan.marked if change.ref]
            did = f"marked {', '.join(tasks[:5])} {plan.options.get('state')}"
        case "trigger":
            did = f"triggered {plan.changes[0].what}: run {run_id_of(plan)}"
        case "backfill":
            did = f"started a backfill of {', '.join(plan.dag_ids)}: {_some(count, 'date')}"
        case "variable":
            did = f"set the variable {plan.options.get('key')}"
        case _:
            did = f"{plan.action}d {', '.join(change.what for change in plan.changes[:5])}"
    return f"{plan.person.name} {did}"


def _some(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def end(desk: Desk, remediation: Remediation, progress: Progress, answer: str, *, tell: bool = True) -> Remediation:
    """It is over, however it ended; a variable's value and a run's conf are needed no more."""
    ended = replace(remediation, progress=progress, answer=answer, ended_at=desk.clock())
    if remediation.plan.action in remediations.GIVES:
        with desk.store.write() as t:
            remediations.forget_value(t, remediation.plan.id)
    if tell:
        what = "ended" if progress in {Progress.done, Progress.partly} else "not done"
        enter(desk, remediation, what, answer if what == "ended" else _failure(progress, answer))
    return save(desk, ended)


def _failure(progress: Progress, answer: str) -> str:
    sentence = "The outcome is not known" if progress is Progress.unknown else "Nothing was changed"
    return f"{sentence}: {answer}"


def enter(desk: Desk, remediation: Remediation, what: str, text: str) -> None:
    if remediation.incident_id is not None:
        person = remediation.person
        note(desk, remediation.incident_id, Entry(desk.clock(), what, text, person.name, person.id))


def save(desk: Desk, changed: Remediation, *, silent: bool = False, until: timedelta | None = None) -> Remediation:
    """Writes the step down; unless silent, the message that shows it is owed. With `until` the claim is kept."""
    changed = replace(changed, version=changed.version + (0 if silent else 1))
    with desk.store.write() as t:
        remediations.save(t, changed, None if until is None else desk.clock() + until)
    if not silent:
        show(desk, changed)
    return changed


def show(desk: Desk, changed: Remediation) -> None:
    """Progress is no timeline entry, but the message shows it."""
    if changed.incident_id is not None and changed.progress in {Progress.doing, Progress.watching}:
        with desk.store.write() as t:
            incidents.touch(t, changed.incident_id)
            alerts.hurry(t, changed.incident_id, desk.clock())
    desk.wake()
