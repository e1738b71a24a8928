"""What a backfill would run: every logical date of the window, with the state of the run that is there.

Hard case: a paused DAG, whose runs Airflow makes and never starts; it is said before. Rule: a line a date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.airflow.backfill import BackfillDate
from bot.core.airflow.protocol import Airflow
from bot.core.remediation import RUNS_AGAIN, Change, Plan
from bot.responder.dry_runs.seen import Seen

LIFE_OF_DATE = "%Y-%m-%dT%H:%M:%S+00:00"


def run_id_of(date: datetime) -> str:
    """The run id of a date on 2.x: always the same, so that asking twice starts no second run."""
    return f"windsock_backfill__{date:{LIFE_OF_DATE}}"


def look(airflow: Airflow, plan: Plan) -> Seen:
    """A line a date. Raises Temporary or Permanent."""
    (dag_id,) = plan.options["dags"]
    window = (datetime.fromisoformat(plan.options["start"]), datetime.fromisoformat(plan.options["end"]))
    dates = airflow.backfill_dates(dag_id, *window, rerun=plan.options["rerun"])
    lines = tuple(_line(date, airflow.has_backfill) for date in dates)
    if not lines:
        return Seen(lines)
    dag = airflow.dag(dag_id)
    waits = f"{dag_id} is paused: its runs wait until it is unpaused" if dag is not None and dag.is_paused else ""
    return Seen(lines, tuple(warning for warning in (_no_backfill(airflow, dates), waits) if warning))


def _no_backfill(airflow: Airflow, dates: Sequence[BackfillDate]) -> str:
    if airflow.has_backfill:
        return ""
    ids = run_id_of(dates[0].logical_date)
    return f"Airflow {airflow.version} has no backfill in its API: each date is one run of its own, such as {ids}"


def _line(date: BackfillDate, has_backfill: bool) -> Change:
    after = RUNS_AGAIN if date.run_id else "a new run"
    if not date.run_id and not has_backfill:
        after = f"a new run, {run_id_of(date.logical_date)}"
    before = date.state if date.run_id else "no run yet"
    return Change(f"{date.logical_date:{LIFE_OF_DATE}}", before, after, date.run_id)
