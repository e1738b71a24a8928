"""Setting a variable of Airflow.

Hard case: its value may be a password. It stands in the plan until that was carried out or is too old, then it is taken out
of the store. Rule: no preview, no audit, no timeline and no channel has it, only how long it is.
"""

from __future__ import annotations

from datetime import timedelta

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.remediation import PLAN_LIFE, Plan
from bot.responder.plans.draft import draw_up
from bot.responder.services import Desk
from bot.store import remediations


def plan_variable(desk: Desk, person: Person, deployment: str, key: str, value: str, channel: str) -> Plan | Refused:
    """Create the variable, or change what it is."""
    return draw_up(desk, person, "variable", deployment, channel, options={"key": key, "value": value})


def forget_old_values(desk: Desk) -> None:
    """What nobody confirmed in time is not kept either; a day is looked back, for a bot that was away."""
    before = desk.clock() - PLAN_LIFE
    with desk.store.write() as t:
        remediations.forget_values(t, before - timedelta(days=1), before)
