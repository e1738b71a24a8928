"""Resolves what a person meant by `dag.task[7]@run`, by asking Airflow.

DAG and task ids may contain dots, so every way to split the name is tried; if several exist, the person chooses. For an
unknown name the nearest ones are suggested. A run may be given by date, as `latest` or as `last-failed`. A guess is
never acted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from bot.core import dates
from bot.core.airflow.protocol import Airflow, Run, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.actions.draft import PATIENCE, airflow_of
from bot.responder.services import Services

NEAR = 3
RECENT_RUNS = 50
LATEST = frozenset({"latest", "last", "newest"})
LAST_FAILED = frozenset({"last-failed", "last_failed", "lastfailed"})


@dataclass(frozen=True, slots=True)
class Target:
    """What was meant: always a deployment and a DAG, the rest if it was named. `run` is the named run, or the newest if
    the caller asked for one."""

    airflow: Airflow
    dag_id: str
    task_id: str = ""
    map_index: int | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Unclear(Refused):
    """The name matches nothing, or more than one thing. `choices` are REFs that could be meant, the likeliest first:
    `sales/load` splits a name at the slash, and `sales.eu/` is a DAG."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A REF as it was given; it is used to write what else could have been meant."""

    task: str
    map_index: int | None
    run: str
    deployment: str = ""

    def ref(self, dag_id: str, task_id: str, *, exact: bool = False, index: int | None = None, run: str = "") -> str:
        name = f"{dag_id}/{task_id}" if exact else f"{dag_id}.{task_id}" if task_id else dag_id
        index = self.map_index if index is None else index
        run = run or self.run
        place = f"{self.deployment}:" if self.deployment else ""
        return f"{place}{name}{f'[{index}]' if task_id and index is not None else ''}{f'@{run}' if run else ''}"


def default_deployment(services: Services) -> str:
    """The only deployment, or the first by name; empty when there are none."""
    return min(services.airflows, default="")


def find(
    services: Services, name: str, *, deployment: str = "", task: str = "", map_index: int | None = None, run: str = "",
    needs_run: bool = False,
) -> Target | Refused:  # fmt: skip
    """Finds what was meant. With `needs_run` and no run named, the newest run is taken."""
    airflow = airflow_of(services, deployment or default_deployment(services))
    if isinstance(airflow, Refused):
        return airflow
    asked = _Asked(task, map_index, run, deployment)
    try:
        with airflow.within(PATIENCE):
            return _found(airflow, name, asked, services.clock(), needs_run)
    except (Temporary, Permanent) as error:
        return Refused(f"{error.message}", "status")


def _found(airflow: Airflow, name: str, asked: _Asked, now: datetime, needs_run: bool) -> Target | Refused:
    cut = _exact(airflow, name, asked) if asked.task else _cut(airflow, name, asked)
    if isinstance(cut, Refused):
        return cut
    dag_id, task_id = cut
    chosen = _run(airflow, dag_id, task_id, asked, now) if asked.run or needs_run else None
    if isinstance(chosen, Refused):
        return chosen
    if chosen is not None and task_id and asked.map_index is not None:
        unknown_index = _index(airflow, TaskRef(dag_id, chosen.run_id, task_id, asked.map_index), asked)
        if unknown_index is not None:
            return unknown_index
    return Target(airflow, dag_id, task_id, asked.map_index, chosen)


def _exact(airflow: Airflow, name: str, asked: _Asked) -> tuple[str, str] | Refused:
    """A link, an alert or an earlier choice named the DAG and the task separately."""
    if airflow.dag(name) is not None:
        return name, asked.task
    return _unknown_dag(airflow, name, asked, asked.task)


def _cut(airflow: Airflow, name: str, asked: _Asked) -> tuple[str, str] | Refused:
    """(DAG id, task id or empty), if exactly one split of the name exists."""
    if "/" in name:
        dag_id, _, task_id = name.partition("/")
        return _exact(airflow, dag_id, replace(asked, task=task_id))
    parts = name.split(".")
    dags = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    there = {dag: airflow.task_ids(dag) or [] for dag in dags if airflow.dag(dag) is not None}
    cuts = [(dag, name[len(dag) + 1 :]) for dag in there]
    fitting = [(dag, task) for dag, task in cuts if not task or task in there[dag]]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        choices = tuple(asked.ref(dag, task, exact=True) for dag, task in fitting[:5])
        said = " or ".join(f"the DAG `{dag}`" if not task else f"the task `{task}` of `{dag}`" for dag, task in fitting)
        return Unclear(f"`{name[:100]}` is {said}.", f"tasks {fitting[0][0]}", choices=choices)
    if cuts:
        dag, task = cuts[0]
        near = _near(task, there[dag])
        return _unclear(airflow, "task", task, [asked.ref(dag, one) for one in near],
                        [f"{dag}.{one}" for one in near], f" in {dag}")  # fmt: skip
    return _unknown_dag(airflow, parts[0], asked, ".".join(parts[1:]))


def _unknown_dag(airflow: Airflow, dag_id: str, asked: _Asked, task: str) -> Refused:
    near = _near(dag_id, [dag.dag_id for dag in airflow.dags(limit=1_000)])
    return _unclear(airflow, "DAG", dag_id, [asked.ref(one, task) for one in near], near)


def _near(name: str, there: Sequence[str]) -> list[str]:
    return get_close_matches(name, there, NEAR, 0.5) or [one for one in there if name.lower() in one.lower()][:NEAR]


def _unclear(
    airflow: Airflow, what: str, name: str, choices: Sequence[str], near: Sequence[str], where: str = ""
) -> Refused:
    hint = f" Near it: {', '.join(f'`{one}`' for one in near)}." if near else ""
    return Unclear(f"{airflow.name} has no {what} `{name[:100]}`{where}.{hint}", "status", choices=tuple(choices))


def unknown(airflow: Airflow, what: str, name: str, there: Sequence[str], prefix: str = "") -> Refused:
    """The refusal for an unknown name, with the nearest ones."""
    near = [f"{prefix}{one}" for one in _near(name, there)]
    return _unclear(airflow, what, name, (), near)


def _run(airflow: Airflow, dag_id: str, task_id: str, asked: _Asked, now: datetime) -> Run | Refused:
    named = asked.run
    if not named or named.lower() in LATEST | LAST_FAILED:
        failed = named.lower() in LAST_FAILED
        newest = airflow.runs(dag_id, states=["failed"], limit=1) if failed else airflow.runs(dag_id, limit=1)
        if newest:
            return newest[0]
        return Refused(f"`{dag_id}` has no {'failed run' if failed else 'run yet'}.", f"trigger {dag_id}")
    exact = airflow.run(dag_id, named)
    if exact is not None:
        return exact
    dated = _dated(airflow, dag_id, named, now)
    fitting = dated or [run for run in airflow.runs(dag_id, limit=RECENT_RUNS) if named in run.run_id]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        some = [run.run_id for run in fitting[:NEAR]]
        choices = tuple(asked.ref(dag_id, task_id, run=run) for run in some)
        listed = ", ".join(f"`{run}`" for run in some)
        return Unclear(f"{len(fitting)} runs of `{dag_id}` fit `{named}`: {listed}.", f"runs {dag_id}", choices=choices)
    near = _near(named, [run.run_id for run in airflow.runs(dag_id, limit=RECENT_RUNS)])
    choices = tuple(asked.ref(dag_id, task_id, run=run) for run in near)
    return _unclear(airflow, f"run of {dag_id}", named, choices, near)


def _dated(airflow: Airflow, dag_id: str, named: str, now: datetime) -> list[Run]:
    """The runs of a day, or of a moment; empty if `named` is not a date."""
    at = dates.moment(named, now)
    if at is None:
        return []
    first, last = dates.day(named, now) or (at, at)
    found = airflow.runs(dag_id, limit=RECENT_RUNS, since=first, until=last)
    about = [(run.logical_date or run.run_after, run) for run in found]
    return [run for date, run in about if (date is not None and first <= date <= last) or named in run.run_id]


def _index(airflow: Airflow, ref: TaskRef, asked: _Asked) -> Refused | None:
    """A refusal with the nearest indexes if this one does not exist; None if it does."""
    if airflow.task_instance(ref) is not None:
        return None
    there = sorted(i.ref.map_index for i in airflow.task_instances(ref.dag_id, ref.run_id, task_id=ref.task_id))
    mapped = [index for index in there if index >= 0]
    if not mapped:
        choice = replace(asked, map_index=None).ref(ref.dag_id, ref.task_id)
        return Unclear(f"`{ref.task_id}` has no index {ref.map_index} in run `{ref.run_id}`: it is not mapped there.",
                       "status", choices=(choice,) if there else ())  # fmt: skip
    near = sorted(mapped, key=lambda index: abs(index - ref.map_index))[:NEAR]
    return Unclear(
        f"`{ref.task_id}` has no index {ref.map_index} in run `{ref.run_id}`; it has {mapped[0]} to {mapped[-1]}.",
        "status", choices=tuple(asked.ref(ref.dag_id, ref.task_id, index=index) for index in near),
    )  # fmt: skip
