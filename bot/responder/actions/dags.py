"""Pauses, unpauses and triggers DAGs.

The plan fixes the end of a timed pause, so that the preview shows it to the minute. A conf that the DAG's params refuse
is reported before confirmation. A run's id is derived from the plan's id, so that a retry cannot start two runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.access import Person
from bot.core.airflow.conf import check
from bot.core.airflow.protocol import Airflow, Dag
from bot.core.errors import Permanent, Refused
from bot.core.remediation import Change, Plan
from bot.responder.actions.draft import Action, Seen, Step, draw_up, quick
from bot.responder.services import Services
from bot.store import pauses


def plan_pause(
    services: Services, person: Person, deployment: str, dag_ids: Sequence[str], paused: bool, channel: str,
    incident_id: int | None = None, reason: str = "", lasts: timedelta | None = None,
) -> Plan | Refused:  # fmt: skip
    """Plans to pause or unpause DAGs, without those already in that state. With `lasts`, Windsock ends the pause."""
    options: dict[str, Any] = {"reason": reason, "dags": list(dag_ids)}
    if lasts is not None:
        options["until"] = (services.clock() + lasts).replace(microsecond=0).isoformat()
    elif paused:  # a timed pause can be made permanent
        with services.store.read() as t:
            ends = {row["dag_id"]: row["until"] for row in pauses.all_of(t) if row["deployment"] == deployment}
        options["ends"] = {dag_id: ends[dag_id] for dag_id in dag_ids if dag_id in ends}
    verb = "pause" if paused else "unpause"
    return draw_up(services, person, PAUSE, verb, deployment, channel, incident_id=incident_id, options=options)


def _existing(airflow: Airflow, dag_id: str) -> Dag:
    """The DAG. Raises Permanent when it does not exist."""
    found = airflow.dag(dag_id)
    if found is None:
        raise Permanent(f"{airflow.name} has no DAG {dag_id}", "404")
    return found


def preview_pause(airflow: Airflow, plan: Plan) -> Seen:
    """One line per DAG; a timed pause also lists DAGs that are paused already. Raises Temporary or Permanent."""
    wanted = plan.action == "pause"
    found = [_existing(airflow, dag_id) for dag_id in plan.options["dags"]]
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


def _pause(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:  # noqa: ARG001 - a pause takes no note
    airflow.pause(step.first.what, plan.action == "pause")
    return 0


def _is_paused(airflow: Airflow, plan: Plan, step: Step) -> bool:
    dag = airflow.dag(step.first.what)
    return dag is not None and dag.is_paused is (plan.action == "pause")


def _did_pause(plan: Plan) -> str:
    return f"{plan.action}d {', '.join(change.what for change in plan.changes[:5])}"


PAUSE = Action(quick(preview_pause), _pause, _is_paused, _did_pause)  # and unpause


def plan_trigger(
    services: Services, person: Person, deployment: str, dag_id: str, conf: Mapping[str, Any], channel: str
) -> Plan | Refused:
    """Plans one new run; the conf is checked against the DAG's params before the preview."""
    options = {"conf": dict(conf), "dags": [dag_id]}
    return draw_up(services, person, TRIGGER, "trigger", deployment, channel, options=options)


def preview_trigger(airflow: Airflow, plan: Plan) -> Seen:
    """One line. Raises Permanent if the conf does not fit the DAG's params."""
    (dag_id,) = plan.options["dags"]
    found = _existing(airflow, dag_id)
    checked = check(plan.options.get("conf") or {}, found.params)
    if checked.wrong:
        raise Permanent(f"The conf does not fit {dag_id}: {'; '.join(checked.wrong[:5])}", "conf")
    waits = " (the DAG is paused: the run waits until it is unpaused)" if found.is_paused else ""
    return Seen((Change(dag_id, "no run yet", f"a new run{waits}"),), checked.odd)


def run_id_of(plan: Plan) -> str:
    """The run id for this plan. It is always the same, so a retry starts no second run."""
    return f"slack__{plan.created_at:%Y-%m-%dT%H:%M:%S+00:00}_{plan.id.removeprefix('P-')[:8]}"


def _trigger(airflow: Airflow, plan: Plan, step: Step, note: str) -> int:
    airflow.trigger(step.first.what, run_id_of(plan), plan.options.get("conf") or {}, note=note)
    return 0


def _is_triggered(airflow: Airflow, plan: Plan, step: Step) -> bool:
    return airflow.run(step.first.what, run_id_of(plan)) is not None


def _did_trigger(plan: Plan) -> str:
    return f"triggered {plan.changes[0].what}: run {run_id_of(plan)}"


TRIGGER = Action(quick(preview_trigger), _trigger, _is_triggered, _did_trigger)
