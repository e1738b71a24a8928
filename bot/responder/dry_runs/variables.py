"""What setting a variable would change. Rule: neither value is in the list; the list is written down and audited."""

from __future__ import annotations

from bot.core.airflow.protocol import Airflow
from bot.core.remediation import Change, Plan
from bot.responder.dry_runs.seen import Seen


def look(airflow: Airflow, plan: Plan) -> Seen:
    """One line, or none where the value is known to be that already."""
    key, value = str(plan.options["key"]), str(plan.options["value"])
    there = airflow.variable(key)
    if there is not None and there.value == value:
        return Seen(())
    before = "not set" if there is None else "set"
    return Seen(
        (Change(key, before, f"a new value ({len(value)} {'character' if len(value) == 1 else 'characters'})"),)
    )
