"""A second person approves what the first one confirmed; both are named wherever it is shown.

The requester can't approve their own plan, and the approver needs the role that the action needs. If two people approve
at once, a conditional UPDATE lets one count. The list is compared again; if it has moved, nothing is done.
"""

from __future__ import annotations

import logging
from typing import Protocol

from bot.core.access import Person
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.alert import Kind
from bot.core.remediation import Approval, Plan, Remediation, Standing
from bot.responder.access.authorization import no_longer, weigh
from bot.responder.remediation import confirm as plans
from bot.responder.remediation import second_person
from bot.responder.services import Services
from bot.store import alerts, approvals

logger = logging.getLogger(__name__)


def approve(services: Services, person: Person, plan_id: str) -> Remediation | Refused:
    """Carries out the held plan, or says why not."""
    plan = _waiting(services, person, plan_id)
    if isinstance(plan, Refused):
        return plan
    weighed = weigh(services, person, plan, anew=True)
    if isinstance(weighed, Refused):
        return weighed
    if (lost := no_longer(services, plan)) is not None:
        return lost
    moved = plans.moved(services, plan)
    if moved is None:
        return plans.bind(services, plan, second=person)
    if isinstance(moved, Refused):
        return moved
    with services.store.write() as t:
        left = approvals.leave(t, plan_id, Standing.moved)
    if left:
        second_person.remember(
            services, plan, f"The list moved before {person.name} approved it; nothing was changed", by_nobody=True
        )
    return Refused(f"The list moved since {plan.person.name} confirmed it; {plan.person.name} must "
                   "ask for a new one.", "")  # fmt: skip


def _waiting(services: Services, person: Person, plan_id: str) -> Plan | Refused:
    with services.store.read() as t:
        found = approvals.find(t, plan_id)
    if found is None or found.standing is not Standing.waiting:
        return Refused(second_person.refuse_waiting(services, plan_id), "")
    if found.plan.person.id == person.id:
        return Refused("You asked for it, so someone else must approve it.", "")
    if services.clock() >= found.plan.expires_at:
        second_person.expire(services)
        return Refused(second_person.refuse_waiting(services, plan_id), "")
    return found.plan


class Show(Protocol):
    """Shows the state of a plan that needs a second person: in the thread, or in the channel if `thread` is empty.
    Returns the channel's id and the message's ts."""

    def __call__(self, approval: Approval, channel: str, thread: str, /) -> tuple[str, str]: ...


def tell(services: Services, show: Show) -> None:
    """Asks for the second person where the alert is, or where the plan was requested, and posts how it ended."""
    second_person.expire(services)
    with services.store.read() as t:
        behind = approvals.untold(t)
    for approval in behind:
        where = _shown(services, approval, show)
        if where is not None:
            with services.store.write() as t:
                approvals.told(t, approval.plan.id, approval.standing.value, *where)


def _shown(services: Services, approval: Approval, show: Show) -> tuple[str, str] | None:
    """Where it was shown, None to try again. If a place cannot be written, the root route's channel is used."""
    for channel, thread in dict.fromkeys([_place(services, approval), (services.policy.channel, "")]):
        try:
            return show(approval, channel, thread)
        except Temporary as error:
            logger.info("the approval of %s is sent later: %s", approval.plan.id, error.message)
            return None
        except Permanent as error:
            logger.warning("the approval of %s cannot be sent to %s: %s", approval.plan.id, channel, error.message)
    return approval.channel_id, approval.ref


def _place(services: Services, approval: Approval) -> tuple[str, str]:
    plan = approval.plan
    if plan.incident_id is not None:
        with services.store.read() as t:
            seen = alerts.of_incident(t, plan.incident_id)
        shown = next((one for one in seen if one.place.kind is Kind.slack and one.ref), None)
        if shown is not None:
            return shown.channel_id, shown.ref
    return plan.channel or services.policy.channel, ""
