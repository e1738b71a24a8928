"""Pausing, unpausing and triggering DAGs.

Hard case: a pause that is to end by itself; when, is settled in the plan, so that the preview says it to the minute. Rule: a
run's id is made of the plan's, so that trying again cannot start two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.plans.draft import draw_up
from bot.responder.services import Desk
from bot.store import pauses


def plan_pause(
    desk: Desk, person: Person, deployment: str, dag_ids: Sequence[str], paused: bool, channel: str,
    incident_id: int | None = None, reason: str = "", lasts: timedelta | None = None,
) -> Plan | Refused:  # fmt: skip
    """Pause or unpause DAGs; those that are so already are left out. With `lasts` a pause ends by itself."""
    options: dict[str, Any] = {"reason": reason, "dags": list(dag_ids)}
    if lasts is not None:
        options["until"] = (desk.clock() + lasts).replace(microsecond=0).isoformat()
    elif paused:  # one that would end by itself can be made to last
        with desk.store.read() as t:
            ends = {row["dag_id"]: row["until"] for row in pauses.all_of(t) if row["deployment"] == deployment}
        options["ends"] = {dag_id: ends[dag_id] for dag_id in dag_ids if dag_id in ends}
    verb = "pause" if paused else "unpause"
    return draw_up(desk, person, verb, deployment, channel, incident_id=incident_id, options=options)


def plan_trigger(
    desk: Desk, person: Person, deployment: str, dag_id: str, conf: Mapping[str, Any], channel: str
) -> Plan | Refused:
    """Start one new run; the conf is checked against the DAG's params before anybody is asked."""
    options = {"conf": dict(conf), "dags": [dag_id]}
    return draw_up(desk, person, "trigger", deployment, channel, options=options)
