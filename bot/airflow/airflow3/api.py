"""Airflow 3.x: `/api/v2` through the generated client in raw mode.

A PATCH on a mapped task without an index changes every index, so the index is always sent, even -1. A manual run has no
logical date and is still included in a window of time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.airflow import clearing, errors, logs, paging, parsing
from bot.airflow.airflow3.backfill import BackfillingThree
from bot.airflow.airflow3.client import Question
from bot.airflow.airflow3.variables import ConfiguredThree
from bot.core.airflow.protocol import (
    FAILED_STATES,
    Dag,
    Health,
    ImportFault,
    Job,
    Log,
    Pool,
    Scope,
    TaskInstance,
    TaskNode,
    TaskRef,
)

NDJSON = "application/x-ndjson"


class AirflowThree(ConfiguredThree, BackfillingThree):
    """The protocol `bot.core.airflow.protocol.Airflow` for one 3.x server."""

    can_address_map_index = True
    clear_stops_running = True

    def health(self) -> Health:
        began = time.monotonic()
        question = Question("MonitorApi", "get_health", {})
        answer = self._calls.ask("read its health", lambda *how: self._client.ask(question, *how), None)
        return parsing.health(answer, time.monotonic() - began)

    def jobs(self) -> list[Job]:
        """Reads the list twice, because a job doesn't say whether it is alive; the filter `is_alive` does."""

        def ask(**arguments: Any) -> list[Any]:
            answer = self._get("read jobs", "JobApi", "get_jobs", limit=paging.PAGE, **arguments)
            return parsing.rows(answer, "jobs")

        alive = {row.get("id") for row in ask(is_alive=True)}
        found = [parsing.job(row, is_alive=row.get("id") in alive) for row in ask()]
        return parsing.recent(found, datetime.now(UTC))

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "list DAGs", "DAGApi", "get_dags", dag_id_pattern=pattern or None, order_by=["dag_id"],
                exclude_stale=True, limit=size, offset=offset,
            )  # fmt: skip

        def wanted(dag: Dag) -> bool:  # the server's pattern treats `_` as any character
            return pattern.casefold() in dag.dag_id.casefold()

        return paging.collect(page, "dags", parsing.dag, limit, wanted if pattern else None)

    def dag(self, dag_id: str) -> Dag | None:
        answer = self._get(f"read {dag_id}", "DAGApi", "get_dag_details", allow={404}, dag_id=dag_id)
        return None if answer is None else parsing.dag(answer)

    def task_ids(self, dag_id: str) -> list[str] | None:
        answer = self._get(f"read {dag_id}", "TaskApi", "get_tasks", allow={404}, dag_id=dag_id)
        return None if answer is None else [str(row.get("task_id")) for row in parsing.rows(answer, "tasks")]

    def task_tree(self, dag_id: str) -> list[TaskNode] | None:
        answer = self._get(f"read {dag_id}", "TaskApi", "get_tasks", allow={404}, dag_id=dag_id)
        return None if answer is None else [parsing.task_node(row) for row in parsing.rows(answer, "tasks")]

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                f"read the tasks of {dag_id}", "TaskInstanceApi", "get_task_instances", allow={404},
                dag_id=dag_id, dag_run_id=run_id, task_id=task_id, state=list(states) or None,
                limit=size, offset=offset,
            )  # fmt: skip

        found = paging.collect(page, "task_instances", parsing.task_instance)
        mine = [one for one in found if task_id in (None, one.ref.task_id)]
        return paging.distinct(mine, lambda one: one.ref)

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        answer = self._get(
            f"read the tasks of {ref.dag_id}", "TaskInstanceApi", "get_mapped_task_instance", allow={404}, **_names(ref)
        )
        return None if answer is None else parsing.task_instance(answer)

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read the failed tasks", "TaskInstanceApi", "get_task_instances", dag_id="~", dag_run_id="~",
                state=FAILED_STATES, end_date_gte=moment, order_by=["end_date"], limit=size, offset=offset,
            )  # fmt: skip

        return paging.distinct(paging.collect(page, "task_instances", parsing.task_instance), lambda one: one.ref)

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        return clearing.clear(self, scope, dry_run=dry_run, note=note)

    def ask_clear(self, scope: Scope, planned: Sequence[TaskInstance] | None, note: str) -> list[TaskInstance]:
        body: dict[str, Any] = {
            "dry_run": planned is None,
            "dag_run_id": scope.run_id,
            "only_failed": scope.only_failed,
            "include_downstream": scope.downstream,
            "include_upstream": scope.upstream,
            "reset_dag_runs": True,
        }
        if scope.tasks:
            body["task_ids"] = [task if index is None else [task, index] for task, index in scope.tasks]
        if note:
            body["note"] = note
        answer = self._write(
            f"clear in {scope.dag_id}", "TaskInstanceApi", "post_clear_task_instances",
            ("ClearTaskInstancesBody", body), reads_only=planned is None, dag_id=scope.dag_id,
        )  # fmt: skip
        found = [parsing.task_instance(row) for row in parsing.rows(answer, "task_instances")]
        return [clearing.named_run(one, scope.dag_id, scope.run_id) for one in found]

    def clears_with_note(self) -> bool:
        return ("ClearTaskInstancesBody", "note") not in self._unknown

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        """Marks the task instance. Airflow also clears the failed tasks after it; a dry clear of its downstream lists
        them beforehand."""
        body = {"new_state": state, **({"note": note[: clearing.NOTE_LENGTH]} if note else {})}
        answer = self._patch_task(ref, body, f"mark tasks of {ref.dag_id}", allow={409})
        return [parsing.task_instance(row) for row in parsing.rows(answer, "task_instances")]

    def set_note(self, ref: TaskRef, note: str) -> None:
        body = {"note": note[: clearing.NOTE_LENGTH]}
        self._patch_task(ref, body, f"write notes in {ref.dag_id}", update_mask=["note"])

    def pause(self, dag_id: str, paused: bool) -> Dag:
        what = f"{'pause' if paused else 'unpause'} {dag_id}"
        body = ("DAGPatchBody", {"is_paused": paused})
        return parsing.dag(self._write(what, "DAGApi", "patch_dag", body, dag_id=dag_id, update_mask=["is_paused"]))

    def import_errors(self) -> list[ImportFault]:
        def page(offset: int, size: int) -> Any:
            return self._get("read import errors", "ImportErrorApi", "get_import_errors", limit=size, offset=offset)

        return paging.collect(page, "import_errors", parsing.import_fault)

    def pools(self) -> list[Pool]:
        def page(offset: int, size: int) -> Any:
            return self._get("read pools", "PoolApi", "get_pools", limit=size, offset=offset)

        return paging.collect(page, "pools", parsing.pool)

    def log(self, ref: TaskRef, try_number: int) -> Log:
        question = Question(
            "TaskInstanceApi", "get_log", {**_names(ref), "try_number": try_number, "full_content": True, "accept": NDJSON},
            tail=True,
        )  # fmt: skip
        reply = self._send(f"read the logs of {ref.dag_id}", question, allow={404})
        if reply.status == 404:
            return Log((f"Airflow has no log of try {try_number} of {ref.label}: {errors.detail(reply.body)}",), False)
        return logs.from_events(reply.body)

    def _patch_task(
        self, ref: TaskRef, body: Mapping[str, Any], what: str, allow: Collection[int] = (), **arguments: Any
    ) -> Any:
        return self._write(
            what, "TaskInstanceApi", "patch_task_instance_by_map_index", ("PatchTaskInstanceBody", body),
            allow=allow, **_names(ref), **arguments,
        )  # fmt: skip


def _names(ref: TaskRef) -> dict[str, Any]:
    return {"dag_id": ref.dag_id, "dag_run_id": ref.run_id, "task_id": ref.task_id, "map_index": ref.map_index}
