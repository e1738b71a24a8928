"""Reads failures from Airflow's API, for a deployment without a metastore.

The API shows only the current try, so a kill that was retried between two rounds isn't seen here (it isn't an alert
either). A round makes two requests, however many DAGs there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.checks.reconcile.reconcile import Failure, Found, failure, last_sign
from bot.core.airflow.protocol import Airflow, Run, TaskInstance

KINDS = {"failed": "task_failed", "up_for_retry": "task_retrying"}
DAGS_ASKED = 50  # per round; failures of further DAGs are reported without owner and tags


class ApiSource:
    """The failures of one deployment, read from its API. It uses the bot's clock; the overlap absorbs the
    difference."""

    def __init__(self, airflow: Airflow, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._airflow, self._clock = airflow, clock

    def now(self) -> datetime:
        return self._clock()

    def look(self, since: datetime) -> Found:
        now = self._clock()
        tasks = [self._task(one, now) for one in self._airflow.failed_since(since)]
        runs = [self._run(one, now) for one in self._airflow.failed_runs_since(since)]
        return Found(now, now, [one for one in (*tasks, *runs) if one is not None])

    def about(self, dag_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        dags = [self._airflow.dag(dag_id) for dag_id in sorted(dag_ids)[:DAGS_ASKED]]
        return {dag.dag_id: {"owner": ", ".join(dag.owners), "tags": list(dag.tags)} for dag in dags if dag}

    def _task(self, one: TaskInstance, now: datetime) -> Failure | None:
        kind, ended_at = KINDS.get(one.state), one.end_date or now
        if kind is None or one.try_number < 1:
            return None
        body = {
            "kind": kind, "deployment": self._airflow.name, "occurred_at": ended_at.isoformat(), "source": "sweep",
            "dag_id": one.ref.dag_id, "run_id": one.ref.run_id, "task_id": one.ref.task_id,
            "map_index": one.ref.map_index, "try_number": one.try_number, "max_tries": one.max_tries,
            "state": one.state, "hostname": one.hostname, "operator": one.operator, "pool": one.pool,
            "queue": one.queue,
            "extra": {
                "callback": "none received", "duration": one.duration, "pid": one.raw.get("pid"),
                "evidence": [last_sign(None, ended_at, one.hostname, one.raw.get("pid"))],
            },
        }  # fmt: skip
        return failure(body, ended_at)

    def _run(self, run: Run, now: datetime) -> Failure | None:
        ended_at = run.end_date or now
        body = {
            "kind": "run_failed", "deployment": self._airflow.name, "occurred_at": ended_at.isoformat(),
            "source": "sweep", "dag_id": run.dag_id, "run_id": run.run_id, "state": run.state,
            "logical_date": run.logical_date.isoformat() if run.logical_date else "",
            "extra": {"callback": "none received", "run_type": run.run_type},
        }  # fmt: skip
        return failure(body, ended_at)
