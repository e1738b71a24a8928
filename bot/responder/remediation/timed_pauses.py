"""Pauses that end at a set time: stored when they begin, and ended by a separate remediation.

The end is a row, so a restart doesn't lose it. If Airflow can't be reached at that moment, the unpause is retried until
it succeeds; if a person has unpaused the DAG meanwhile, nothing is left to do. Like every change, the end is planned,
carried out, audited and announced.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from bot.core.access import Person
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import ACTIVE, Plan
from bot.responder.actions.catalog import seen_now
from bot.responder.actions.draft import airflow_of, new_id
from bot.responder.services import Services
from bot.store import audit, pauses, remediations

logger = logging.getLogger(__name__)
TRY_AGAIN = timedelta(minutes=1)


def remember(services: Services, plan: Plan) -> None:
    """After a pause or unpause, stores when the pause ends, or removes an end that no longer applies."""
    if plan.action not in {"pause", "unpause"}:
        return
    until = plan.options.get("until")
    row = {"by": plan.person.name, "by_id": plan.person.id, "channel": plan.channel, "incident": plan.incident_id}
    with services.store.write() as t:
        for change in plan.changes:
            if until:
                pauses.add(t, plan.deployment, change.what, datetime.fromisoformat(until), row)
            else:
                pauses.remove(t, plan.deployment, change.what)


def end_pauses(services: Services) -> None:
    """Unpauses DAGs whose pause is over."""
    with services.store.read() as t:
        ended = pauses.over(t, services.clock())
    for row in ended:
        _end(services, row)


def _end(services: Services, row: dict[str, Any]) -> None:
    """Requests the unpause once. It does nothing while the request is in progress, and retries after a failure."""
    with services.store.read() as t:
        asked = remediations.get(t, int(row.get("remediation") or 0))
    now = services.clock()
    if asked is not None and (asked.progress in ACTIVE or now < (asked.ended_at or now) + TRY_AGAIN):
        return
    plan = _plan(services, row)
    with services.store.write() as t:
        if isinstance(plan, str):
            pauses.remove(t, row["deployment"], row["dag_id"])
            audit.record(t, now, _person(row), "unpause", row["dag_id"], allowed=True, outcome=plan)
        elif plan is not None:
            remediations.add_plan(t, plan)
            remediations.use_plan(t, plan.id, now)
            begun = remediations.ask(t, plan, now)
            known = {key: row[key] for key in ("by", "by_id", "channel", "incident") if key in row}
            until = datetime.fromisoformat(row["until"])
            pauses.add(t, row["deployment"], row["dag_id"], until, known | {"remediation": begun.id})
            audit.record(t, now, _person(row), "unpause", row["dag_id"], allowed=True, outcome="the time is over",
                          incident_id=plan.incident_id, plan_digest=plan.digest)  # fmt: skip
    services.remediation_owed.set()


def _plan(services: Services, row: dict[str, Any]) -> Plan | str | None:
    """The plan; a sentence when nothing is left to do; None when Airflow can't be asked now, or doesn't allow it."""
    airflow = airflow_of(services, row["deployment"])
    if isinstance(airflow, Refused):
        return airflow.reason
    options = {"dags": [row["dag_id"]], "reason": f"the time that {row['by']} paused it for is over",
               "by_itself": True}  # fmt: skip
    empty = Plan(new_id(), "unpause", row["deployment"], (), _person(row), services.clock(), row.get("incident"),
                 options=options, channel=row.get("channel", ""))  # fmt: skip
    try:
        found = seen_now(airflow, empty)
    except Temporary:
        return None
    except Permanent as error:
        if error.code == "404":
            return error.message
        logger.info("the pause of %s is over, and Airflow does not let it end: %s", row["dag_id"], error.message)
        return None
    return found.reason if isinstance(found, Refused) else found


def _person(row: dict[str, Any]) -> Person:
    """Windsock does it on behalf of the person who asked for the pause."""
    return Person(str(row.get("by_id", "")), "Windsock")
