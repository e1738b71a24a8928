"""Starts a run for every logical date of a window; the preview lists each date.

Airflow 2 has no backfill in its API: there each date becomes a separate run whose id contains the date, and the preview
says so. The runs of a paused DAG are created but do not start; the preview says that too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.access import Person
from bot.core.airflow.backfill import BackfillDate
from bot.core.airflow.protocol import Airflow, Scope
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import RUNS_AGAIN, Change, Plan
from bot.responder.actions.draft import Action, Seen, Step, Window, counted, draw_up, one_each, quick
from bot.responder.services import Services

LIFE_OF_DATE = "%Y-%m-%dT%H:%M:%S+00:00"


def plan_backfill(
    services: Services, person: Person, deployment: str, dag_id: str, window: Window, rerun: str, channel: str
) -> Plan | Refused:
    """Plans a backfill. `rerun`, one of `bot.core.airflow.backfill.RERUNS`, says which existing runs run again."""
    options = {"dags": [dag_id], "start": window.start.isoformat(), "end": window.end.isoformat(), "rerun": rerun}
    return draw_up(services, person, BACKFILL, "backfill", deployment, channel, options=options)


def run_id_of(date: datetime) -> str:
    """The run id of a date on 2.x. It is always the same, so asking twice starts no second run."""
    return f"windsock_backfill__{date:{LIFE_OF_DATE}}"


def preview(airflow: Airflow, plan: Plan) -> Seen:
    """One line per date. Raises Temporary or Permanent."""
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


def steps(airflow: Airflow, plan: Plan) -> list[Step]:
    return [Step(plan.changes)] if airflow.has_backfill else one_each(airflow, plan)


def act(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:
    (dag_id,), line = plan.dag_ids, step.first
    if not airflow.has_backfill:
        date = datetime.fromisoformat(line.what)
        if line.run_id:
            airflow.clear(Scope(dag_id, line.run_id, only_failed=line.before == "failed"), dry_run=False, note=note)
        else:
            airflow.trigger(dag_id, run_id_of(date), {}, note=note, logical_date=date)
        return 0
    dates = sorted(datetime.fromisoformat(change.what) for change in plan.changes)
    begun = airflow.backfill(dag_id, dates[0], dates[-1], rerun=str(plan.options["rerun"]))
    for run_id in begun.run_ids or tuple(date.run_id for date in begun.dates):
        try:  # the backfill has begun; a note that cannot be written must not make it look failed
            airflow.set_run_note(dag_id, run_id, note)
        except (Temporary, Permanent):
            break
    return begun.id or 0


def is_done(airflow: Airflow, plan: Plan, step: Step) -> bool:
    """Whether a date that had no run has one now, or an existing run's state has changed."""
    (dag_id,) = plan.dag_ids
    dates = sorted(datetime.fromisoformat(change.what) for change in step.changes)
    runs = airflow.runs(dag_id, limit=500, since=dates[0], until=dates[-1])
    if any(run.run_id == run_id_of(dates[0]) for run in runs):
        return True
    there = {run.logical_date: run.state for run in runs}
    wanted = {
        datetime.fromisoformat(change.what): change.before for change in step.changes if change.before != "no run yet"
    }
    fresh = [date for date in dates if date not in wanted]
    return any(date in there for date in fresh) or any(there.get(date) != state for date, state in wanted.items())


def did(plan: Plan) -> str:
    return f"started a backfill of {', '.join(plan.dag_ids)}: {counted(len(plan.changes), 'date')}"


BACKFILL = Action(
    quick(preview),
    act,
    is_done,
    did,
    steps,
    "Every date of that window has its run already, so there is nothing to start.",
)
