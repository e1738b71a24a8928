"""A backfill: a run for every logical date of a window, each one shown beforehand.

Hard case: Airflow 2 has no backfill in its API; there each date is a run that we start under an id made of the date, and the
preview says so. Rule: the dates that are asked for are the dates that were shown.
"""

from __future__ import annotations

from bot.core.access import Person
from bot.core.errors import Refused
from bot.core.remediation import Plan
from bot.responder.plans.clear import Window
from bot.responder.plans.draft import draw_up
from bot.responder.services import Desk


def plan_backfill(
    desk: Desk, person: Person, deployment: str, dag_id: str, window: Window, rerun: str, channel: str
) -> Plan | Refused:
    """`rerun` is one of `bot.core.airflow.backfill.RERUNS`: which of the runs that are there already run again."""
    options = {"dags": [dag_id], "start": window.start.isoformat(), "end": window.end.isoformat(), "rerun": rerun}
    return draw_up(desk, person, "backfill", deployment, channel, options=options)
