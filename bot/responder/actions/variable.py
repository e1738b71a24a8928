"""Sets an Airflow variable.

Its value may be a password, so previews, audit lines, timelines and channels never show it, only its length. The value
stays in the plan until the plan is carried out or too old, and is then removed from the store.
"""

from __future__ import annotations

from datetime import timedelta

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow
from bot.core.errors import Refused
from bot.core.remediation import PLAN_LIFE, Change, Plan
from bot.responder.actions.draft import Action, Seen, Step, draw_up, quick
from bot.responder.services import Services
from bot.store import remediations


def plan_variable(
    services: Services, person: Person, deployment: str, key: str, value: str, channel: str
) -> Plan | Refused:
    """Plans to create the variable or change its value."""
    return draw_up(services, person, VARIABLE, "variable", deployment, channel, options={"key": key, "value": value})


def preview(airflow: Airflow, plan: Plan) -> Seen:
    """One line, or none if the variable is known to have that value already."""
    key, value = str(plan.options["key"]), str(plan.options["value"])
    there = airflow.variable(key)
    if there is not None and there.value == value:
        return Seen(())
    before = "not set" if there is None else "set"
    return Seen(
        (Change(key, before, f"a new value ({len(value)} {'character' if len(value) == 1 else 'characters'})"),)
    )


def act(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:  # noqa: ARG001 - a variable takes no note
    airflow.set_variable(str(plan.options["key"]), str(plan.options["value"]))
    return 0


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:  # noqa: ARG001 - it is the only step
    there = airflow.variable(str(plan.options["key"]))
    return there is not None and there.value == str(plan.options["value"])


def did(plan: Plan) -> str:
    return f"set the variable {plan.options.get('key')}"


VARIABLE = Action(quick(preview), act, is_done, did)


def forget_old_values(services: Services) -> None:
    """Removes the values of expired, unconfirmed plans. It looks back one day, in case the bot was down."""
    before = services.clock() - PLAN_LIFE
    with services.store.write() as t:
        remediations.forget_values(t, before - timedelta(days=1), before)
