"""What pausing, unpausing and triggering would do.

Hard case: a conf that the DAG's params refuse. Airflow says so only when it is asked to start the run; here it is said
before anybody is asked to confirm. Rule: what is so already is left out.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.airflow.conf import check
from bot.core.airflow.protocol import Airflow, Dag
from bot.core.errors import Permanent
from bot.core.remediation import Change, Plan
from bot.responder.dry_runs.seen import Seen


def dag(airflow: Airflow, dag_id: str) -> Dag:
    """The DAG. Raises Permanent when there is none."""
    found = airflow.dag(dag_id)
    if found is None:
        raise Permanent(f"{airflow.name} has no DAG {dag_id}", "404")
    return found


def paused(airflow: Airflow, plan: Plan) -> Seen:
    """A line a DAG; with an end, also for a DAG that is paused without one."""
    wanted = plan.action == "pause"
    found = [dag(airflow, dag_id) for dag_id in plan.options["dags"]]
    until = plan.options.get("until")
    before, after = ("active", "paused") if wanted else ("paused", "active")
    if until:
        end = f"{datetime.fromisoformat(until):%Y-%m-%d %H:%M} UTC"
        words = f"paused until {end}"
        lines = tuple(Change(one.dag_id, "paused" if one.is_paused else "active", words) for one in found)
        return Seen(lines, (f"It is unpaused by itself at {end}",))
    ends = plan.options.get("ends") or {}
    timed = [one.dag_id for one in found if one.is_paused and one.dag_id in ends]
    lasting = [Change(name, f"paused until {datetime.fromisoformat(ends[name]):%Y-%m-%d %H:%M} UTC", "paused for good")
               for name in timed]  # fmt: skip
    return Seen((*(Change(one.dag_id, before, after) for one in found if one.is_paused is not wanted), *lasting))


def trigger(airflow: Airflow, plan: Plan) -> Seen:
    """One line; raises Permanent where the conf does not fit the DAG's params."""
    (dag_id,) = plan.options["dags"]
    found = dag(airflow, dag_id)
    checked = check(plan.options.get("conf") or {}, found.params)
    if checked.wrong:
        raise Permanent(f"The conf does not fit {dag_id}: {'; '.join(checked.wrong[:5])}", "conf")
    waits = " (the DAG is paused: the run waits until it is unpaused)" if found.is_paused else ""
    return Seen((Change(dag_id, "no run yet", f"a new run{waits}"),), checked.odd)
