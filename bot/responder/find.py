"""find: what a person meant by `dag.task[7]@run`, by asking Airflow.

Hard cases: dots (a DAG id may have them, a task in a group has them: every cut is tried, the longest DAG first); a name
that does not exist (the nearest ones are offered); a run given by its date. Rule: a guess is never acted on; what is
ambiguous or unknown comes back as a refusal with names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.core.deployment import Airflow, Run
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.desk import Desk
from bot.responder.plan import airflow_of

NEAR = 3
RECENT_RUNS = 50


@dataclass(frozen=True, slots=True)
class Target:
    """What was meant: a deployment and a DAG for certain, the rest where it was named. `run` is the run that was named, or
    the newest where the caller asked for one."""

    airflow: Airflow
    dag_id: str
    task_id: str = ""
    map_index: int | None = None
    run: Run | None = None


def default_deployment(desk: Desk) -> str:
    """The only one, or the first by name."""
    return min(desk.airflows, default="")


def find(
    desk: Desk, name: str, *, deployment: str = "", task: str = "", map_index: int | None = None, run: str = "",
    needs_run: bool = False,
) -> Target | Refused:  # fmt: skip
    """Finds what was meant. With `needs_run` and no run named, the newest run is taken."""
    airflow = airflow_of(desk, deployment or default_deployment(desk))
    if isinstance(airflow, Refused):
        return airflow
    try:
        found = (name, task) if task else _cut(airflow, name)
        if isinstance(found, Refused):
            return found
        if task and airflow.dag(name) is None:
            return unknown(airflow, "DAG", name, [dag.dag_id for dag in airflow.dags()])
        dag_id, task_id = found
        chosen = _run(airflow, dag_id, run) if run or needs_run else None
        if isinstance(chosen, Refused):
            return chosen
    except (Temporary, Permanent) as error:
        return Refused(f"Nothing was changed. {error.message}", "status")
    return Target(airflow, dag_id, task_id, map_index, chosen)


def _cut(airflow: Airflow, name: str) -> tuple[str, str] | Refused:
    """(dag id, task id or empty): the longest DAG id that exists wins."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        dag_id, task_id = ".".join(parts[:length]), ".".join(parts[length:])
        if airflow.dag(dag_id) is None:
            continue
        if not task_id:
            return dag_id, ""
        tasks = airflow.task_ids(dag_id) or []
        if task_id in tasks:
            return dag_id, task_id
        return unknown(airflow, f"task in {dag_id}", task_id, tasks, prefix=f"{dag_id}.")
    return unknown(airflow, "DAG", parts[0], [dag.dag_id for dag in airflow.dags(limit=1_000)])


def unknown(airflow: Airflow, what: str, name: str, there: Sequence[str], prefix: str = "") -> Refused:
    """There is no such thing, and what is near it."""
    near = get_close_matches(name, there, NEAR, 0.5) or [one for one in there if name.lower() in one.lower()][:NEAR]
    hint = f" Near it: {', '.join(f'`{prefix}{one}`' for one in near)}." if near else ""
    return Refused(f"{airflow.name} has no {what} `{name[:100]}`.{hint}", "status")


def _run(airflow: Airflow, dag_id: str, named: str) -> Run | Refused:
    if named and (exact := airflow.run(dag_id, named)):
        return exact
    recent = airflow.runs(dag_id, limit=RECENT_RUNS)
    if not named:
        return recent[0] if recent else Refused(f"`{dag_id}` has no run yet.", f"trigger {dag_id}")
    fitting = [run for run in recent if named in run.run_id]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        some = ", ".join(f"`{run.run_id}`" for run in fitting[:NEAR])
        return Refused(f"{len(fitting)} runs of `{dag_id}` fit `{named}`: {some}.", f"runs {dag_id}")
    return unknown(airflow, f"run of {dag_id}", named, [run.run_id for run in recent])
