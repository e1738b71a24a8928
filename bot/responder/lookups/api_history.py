"""The run history of a deployment without a metastore, read from its API.

Reading page by page is slow and a person is waiting, so only a few runs of a few DAGs with alerts are read; `source`
says which. The caller limits the time for all calls together with `airflow.within`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.core.airflow.protocol import Airflow, Run, TaskInstance
from bot.core.errors import Permanent
from bot.responder.lookups.report_card import percentile
from bot.responder.questions import RunSeen, TaskDuration, TaskSeen

MOST_DAGS, RUNS_OF_EACH, NEWEST, RUNS_OF_ONE, RUNS_LOOKED_INTO = 4, 16, 5, 200, 10
ENDED = ("success", "failed")


class ApiHistory:
    """Implements `bot.responder.questions.History`; `dag_ids` are the DAGs that `slow` looks at."""

    def __init__(self, airflow: Airflow, dag_ids: Sequence[str] = ()) -> None:
        self._airflow, self._dag_ids = airflow, list(dict.fromkeys(dag_ids))[:MOST_DAGS]
        self.source = f"API, without a metastore: tasks of the last {RUNS_LOOKED_INTO} runs"

    def slow(self, since: datetime, lately: datetime) -> list[TaskDuration]:  # noqa: ARG002 - the newest runs, not a period
        if not self._dag_ids:
            raise Permanent("Without a metastore only DAGs with alerts are looked at, and there are none.", "no-dags")
        named = ", ".join(self._dag_ids)
        self.source = (
            f"API, without a metastore: the last {NEWEST} runs against {RUNS_OF_EACH - NEWEST} before, of {named}"
        )
        return [took for dag_id in self._dag_ids for took in self._of(dag_id)]

    def runs(self, dag_id: str, since: datetime) -> list[RunSeen]:
        found = self._airflow.runs(dag_id, limit=RUNS_OF_ONE, since=since)
        return [seen for run in found if (seen := _seen(run)).started is not None and seen.started >= since]

    def tasks(self, dag_id: str, since: datetime) -> list[TaskSeen]:
        recent = self._airflow.runs(dag_id, ENDED, RUNS_LOOKED_INTO, since=since)
        return tallied(one for run in recent for one in self._airflow.task_instances(dag_id, run.run_id))

    def _of(self, dag_id: str) -> list[TaskDuration]:
        recent = self._airflow.runs(dag_id, ENDED, RUNS_OF_EACH)
        now, before = self._durations(recent[:NEWEST]), self._durations(recent[NEWEST:])
        return [_took(dag_id, task, now[task], before[task]) for task in sorted(now.keys() & before.keys())]

    def _durations(self, runs: Sequence[Run]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for run in runs:
            for one in self._airflow.task_instances(run.dag_id, run.run_id, ["success"]):
                if one.duration is not None:
                    found.setdefault(one.ref.task_id, []).append(one.duration)
        return found


def _took(dag_id: str, task_id: str, now: list[float], before: list[float]) -> TaskDuration:
    return TaskDuration(dag_id, task_id, len(now), percentile(now, 50) or 0.0, percentile(now, 95) or 0.0,
                len(before), percentile(before, 50) or 0.0, percentile(before, 95) or 0.0)  # fmt: skip


def tallied(instances: Iterable[TaskInstance]) -> list[TaskSeen]:
    """One tally per task over the task instances of several runs; only those that ended count."""
    by_task: dict[str, list[TaskInstance]] = {}
    for one in instances:
        if one.state in ENDED:
            by_task.setdefault(one.ref.task_id, []).append(one)
    return [_tally(task_id, by_task[task_id]) for task_id in sorted(by_task)]


def _tally(task_id: str, ended: Sequence[TaskInstance]) -> TaskSeen:
    took = [one.duration for one in ended if one.state == "success" and one.duration is not None]
    retries = sum(max(0, one.try_number - 1) for one in ended)
    failed = sum(one.state == "failed" for one in ended)
    return TaskSeen(task_id, len(ended), failed, retries, percentile(took, 50), percentile(took, 95))


def _seen(run: Run) -> RunSeen:
    over = run.state in ENDED and run.start_date is not None and run.end_date is not None
    seconds = (run.end_date - run.start_date).total_seconds() if over and run.end_date and run.start_date else None
    return RunSeen(run.run_id, run.state, run.start_date, seconds)
