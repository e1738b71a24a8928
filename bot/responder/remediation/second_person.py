"""Holds a confirmed plan until a second person approves it, and expires it after ten minutes if no one does.

The channel and the timeline say so. While a plan is held, nothing is requested from Airflow.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.incidents.incident import Entry
from bot.core.remediation import Plan, Standing
from bot.responder.incidents.presses import note
from bot.responder.services import Services
from bot.store import approvals, audit

WAITING = "awaiting second person"


@dataclass(frozen=True, slots=True)
class Held:
    """A plan that waits for a second person."""

    plan: Plan


def hold(services: Services, plan: Plan) -> Held | Refused:
    """Records the first person's confirmation; from now on the plan waits for a second person."""
    now = services.clock()
    with services.store.write() as t:
        if not approvals.wait(t, plan, now):
            known = approvals.find(t, plan.id)
            return Refused(_why_not(known.standing if known else Standing.waiting), "")
        audit.record(t, now, plan.person, plan.action, ", ".join(plan.dag_ids), allowed=True, outcome=WAITING,
                     incident_id=plan.incident_id, plan_digest=plan.digest, deployment=plan.deployment)  # fmt: skip
    services.wake()
    return Held(plan)


def _why_not(standing: Standing) -> str:
    if standing is Standing.waiting:
        return "That waits for a second person already."
    if standing is Standing.approved:
        return "That was approved already; it is carried out once."
    if standing is Standing.expired:
        return "Nobody approved that within ten minutes; ask for a new list."
    said = "taken back" if standing is Standing.taken_back else "refused, since the list moved"
    return f"That was {said}; ask for a new list."


def take_back(services: Services, person: Person, plan_id: str) -> Refused | None:
    """Withdraws the first person's request. None when it is done, or when nothing was waiting."""
    with services.store.write() as t:
        found = approvals.find(t, plan_id)
        if found is None:
            return None
        if found.plan.person.id != person.id:
            return Refused(f"Only {found.plan.person.name}, who asked for it, can take it back.", "")
        if not approvals.leave(t, plan_id, Standing.taken_back):
            return Refused(_why_not(found.standing), "")
        plan = found.plan
        audit.record(t, services.clock(), person, "cancel", ", ".join(plan.dag_ids), allowed=True, outcome="taken back",
                     incident_id=plan.incident_id, plan_digest=plan.digest, deployment=plan.deployment)  # fmt: skip
    remember(services, plan, f"{person.name} took the request to {plan.action} {len(plan.changes)} back")
    return None


def refuse_waiting(services: Services, plan_id: str) -> str:
    """Why the plan can no longer be approved."""
    with services.store.read() as t:
        found = approvals.find(t, plan_id)
    return _why_not(found.standing) if found else "That list is not known here; ask for a new one."


def expire(services: Services) -> None:
    """Expires plans that have waited longer than a plan's lifetime."""
    with services.store.read() as t:
        late = [one.plan for one in approvals.waiting(t) if services.clock() >= one.plan.expires_at]
    for plan in late:
        with services.store.write() as t:
            ours = approvals.leave(t, plan.id, Standing.expired)
        if ours:
            what = f"{plan.person.name}'s request to {plan.action} {len(plan.changes)}"
            remember(services, plan, f"Nobody approved {what} within ten minutes; nothing was changed", by_nobody=True)


def remember(services: Services, plan: Plan, text: str, *, by_nobody: bool = False) -> None:
    """Adds a line to the incident's timeline, if the plan has an incident."""
    if plan.incident_id is not None:
        who = ("", "") if by_nobody else (plan.person.name, plan.person.id)
        note(services, plan.incident_id, Entry(services.clock(), "not done", text, *who))
    services.wake()
