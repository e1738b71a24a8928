"""Confirms a plan, which binds a person to its exact list.

If the list has moved since the preview, nothing is requested and the new list is shown. A plan is used once, so a
double click counts once. Nothing is written to Airflow here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.core.access import About, Person
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents import lifecycle, presses
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.remediation import Plan, Progress, Remediation, Standing
from bot.responder.access.authorization import may, weigh
from bot.responder.actions.catalog import seen_now
from bot.responder.actions.clear import plan_clear
from bot.responder.actions.draft import (
    audit,
    new_id,
)
from bot.responder.incidents.presses import save
from bot.responder.remediation.overlap import refused as overlapping
from bot.responder.remediation.second_person import Held, hold
from bot.responder.services import Services
from bot.store import approvals, at_work, incidents, remediations
from bot.store.at_work import Overlaps
from bot.store.audit import record


def narrow(services: Services, person: Person, plan_id: str) -> Plan | Refused:
    """Draws the same plan up for failed task instances only."""
    found = _own(services, person, plan_id)
    if isinstance(found, Refused):
        return found
    scopes = tuple(replace(scope, only_failed=True) for scope in found.scopes)
    return plan_clear(services, person, found.deployment, scopes, found.channel, found.incident_id)


def _own(services: Services, person: Person, plan_id: str) -> Plan | Refused:
    with services.store.read() as t:
        found = remediations.plan(t, plan_id)
    if found is None:
        return Refused("That list is not known here any more; ask for a new one.", "")
    plan, used_at = found
    if plan.person.id != person.id:
        return Refused(f"That list was made for {plan.person.name}; ask for your own.", "")
    if used_at is not None:
        return Refused(f"That was confirmed already, at {used_at:%H:%M} UTC; it is carried out once.", "")
    if services.clock() >= plan.expires_at:
        return Refused("That list is older than ten minutes; ask for a new one.", "")
    return plan


def confirm(services: Services, person: Person, plan_id: str) -> Remediation | Plan | Held | Refused:
    """Binds the person to the list; exactly one confirmation of a plan is carried out. If the list has moved, nothing
    is requested, and the new list is returned as a new plan. A plan that needs a second person is held."""
    plan = _own(services, person, plan_id)
    if isinstance(plan, Refused):
        return plan
    weighed = weigh(services, person, plan, anew=True)
    if isinstance(weighed, Refused):
        return weighed
    with services.store.read() as t:
        overlap = at_work.find(t, plan)
    if overlap is not None:
        return overlapping(overlap, plan, person)
    fresh = moved(services, plan)
    if fresh is not None:
        return fresh
    return hold(services, plan) if weighed.needs_second_person else bind(services, plan)


def bind(services: Services, plan: Plan, second: Person | None = None) -> Remediation | Refused:
    """Turns a plan into a remediation, once. `second` is the person who approved it, if that was needed."""
    now = services.clock()
    try:
        with services.store.write() as t:
            asked = _bound(services, t, plan, second, now)
    except Overlaps as error:
        return overlapping(error.overlap, plan, second or plan.person)
    if isinstance(asked, Remediation):
        services.remediation_owed.set()
        services.wake()
    return asked


def _bound(
    services: Services, t: Connection, plan: Plan, second: Person | None, now: datetime
) -> Remediation | Refused:
    if second is not None and not approvals.leave(t, plan.id, Standing.approved, second):
        return Refused("Somebody was faster than you.", "")
    if not remediations.use_plan(t, plan.id, now):
        return Refused("That was confirmed already; it is carried out once.", "")
    asked = remediations.ask(t, plan, now)
    at_work.take(t, asked, now)
    incident = incidents.for_change(t, plan.incident_id) if plan.incident_id else None
    if incident is not None:
        save(t, _taken(incident, plan, services, second), now)
    record(t, now, plan.person, plan.action, ", ".join(plan.dag_ids), allowed=True, outcome="asked",
                  incident_id=plan.incident_id, plan_digest=plan.digest, deployment=plan.deployment,
                  second=second)  # fmt: skip
    return asked


def moved(services: Services, plan: Plan) -> Plan | Refused | None:
    """The list as it is now, if it has changed. None if it is the same, or if Airflow can't be asked now (then the
    remediation checks again before it does anything)."""
    airflow = services.airflows.get(plan.deployment)
    if airflow is None:
        return None
    try:
        fresh = seen_now(airflow, plan)
    except Temporary:
        return None
    except Permanent as error:
        return Refused(f"{error.message}", "status")
    if isinstance(fresh, Refused):
        return fresh
    if fresh.digest == plan.digest:
        return None
    fresh = replace(fresh, id=new_id(), created_at=services.clock())
    with services.store.write() as t:
        remediations.add_plan(t, fresh)
    return fresh


def stop(services: Services, person: Person, plan_id: str) -> Remediation | Refused:
    """Stops a remediation after the current batch; what was done stays done and is reported."""
    with services.store.read() as t:
        found = remediations.of_plan(t, plan_id)
    if found is None:
        return Refused("There is nothing to stop.", "")
    about = About(found.plan.deployment, dict.fromkeys(found.plan.dag_ids, ()))
    if person.id != found.person.id:  # the requester may always stop it
        refused = may(services, person, found.plan.action, f"stop {found.plan.id}", found.incident_id, about)
        if refused is not None:
            return refused
    if found.progress not in {Progress.asked, Progress.doing} and not found.can_stop:
        return Refused("It is done already, so there is nothing to stop.", "")
    with services.store.write() as t:
        first = remediations.stop(t, found.id, person.name, services.clock())
        if first and found.backfill_id:
            remediations.take_up(t, found.id)
    audit(services, person, "stop", found.plan.id, "asked" if first else "was asked before", allowed=True,
          incident_id=found.incident_id)  # fmt: skip
    services.remediation_owed.set()
    return found


def _taken(incident: Incident, plan: Plan, services: Services, second: Person | None) -> lifecycle.Observation:
    """Records the request on the incident. Acting on an unacknowledged incident acknowledges it."""
    now, person = services.clock(), plan.person
    agreed = f", {second.name} approved it" if second else ""
    if incident.state is State.open:
        taken = presses.press(incident, "acknowledge", person, now)
        if isinstance(taken, lifecycle.Observation):
            incident = taken.incident
    labels = ", ".join(change.what for change in plan.changes[:10])
    more = f" and {len(plan.changes) - 10} more" if len(plan.changes) > 10 else ""
    entry = Entry(now, "asked", f"{person.name} asked{agreed}: {plan.action} {len(plan.changes)}: {labels}{more}",
                  person.name, person.id, {"action": plan.action, "count": len(plan.changes)})  # fmt: skip
    return lifecycle.note(incident, entry)


def plan_of(services: Services, plan_id: str) -> Plan | None:
    """A plan that was shown, used or not; None if it is too old or was never made."""
    with services.store.read() as t:
        found = remediations.plan(t, plan_id)
    return found[0] if found else None
