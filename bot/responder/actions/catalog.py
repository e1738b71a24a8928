"""The table of actions. To add one, add a file beside this one and a row here."""

from __future__ import annotations

from dataclasses import replace

from bot.core.airflow.protocol import Airflow
from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.actions.backfill import BACKFILL
from bot.responder.actions.clear import CLEAR
from bot.responder.actions.dags import PAUSE, TRIGGER
from bot.responder.actions.draft import Action, Step, found_by
from bot.responder.actions.mark import MARK
from bot.responder.actions.variable import VARIABLE

ACTIONS: dict[str, Action] = {
    "clear": CLEAR, "mark": MARK, "pause": PAUSE, "unpause": PAUSE, "trigger": TRIGGER, "backfill": BACKFILL,
    "variable": VARIABLE,
}  # fmt: skip
LIST_SECONDS = 60.0  # for a list that no person is waiting for


def seen_now(airflow: Airflow, plan: Plan) -> Plan | Refused:
    """The plan with the list as it is now, or why there is nothing to confirm. Raises Temporary or Permanent."""
    return found_by(ACTIONS[plan.action], airflow, plan)


def changed_since(airflow: Airflow, plan: Plan) -> bool:
    """Whether the same question returns a different list now. Raises Temporary or Permanent."""
    seen = ACTIONS[plan.action].preview(airflow, plan, LIST_SECONDS, LIST_SECONDS)
    return replace(plan, changes=seen.changes).digest != plan.digest


def steps_of(airflow: Airflow, plan: Plan) -> list[Step]:
    """The steps of a plan, always the same for the same plan."""
    return ACTIONS[plan.action].steps(airflow, plan)


def act(airflow: Airflow, plan: Plan, step: Step) -> int:
    """Executes one step. Returns the id of the backfill that Airflow began, else 0. Raises Temporary or Permanent."""
    return ACTIONS[plan.action].act(airflow, plan, step, note_of(plan))


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether Airflow shows that this step was executed. Raises Temporary or Permanent."""
    return ACTIONS[plan.action].is_done(airflow, plan, step)


def note_of(plan: Plan) -> str:
    """The note for Airflow that names the real requester. A step is found again by the plan's id in it."""
    about = f", A-{plan.incident_id}" if plan.incident_id else ""
    reason = str(plan.options.get("reason") or "")
    return f"{plan.action} by {plan.person.name} through Windsock ({plan.id}{about})" + (
        f": {reason}" if reason else ""
    )


def past_sentence(plan: Plan) -> str:
    """What was done, as a timeline entry says it."""
    return f"{plan.person.name} {ACTIONS[plan.action].did(plan)}"
