"""Airflow 2.x: `/api/v1` through httpx.

A clear names tasks only, without state and index, and can't address one mapped index. PATCH and clear default to dry
runs. Marking answers `{}` whether or not it changed something, so the result is read back. What 2.x doesn't support is
refused before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.airflow import clearing, errors, logs, paging, parsing
from bot.airflow.airflow2.backfill import BackfillingTwo
from bot.airflow.airflow2.transport import quoted, run_path, task_path
from bot.airflow.airflow2.variables import ConfiguredTwo
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
from bot.core.errors import Permanent


class AirflowTwo(ConfiguredTwo, BackfillingTwo):
    """The protocol `bot.core.airflow.protocol.Airflow` for one 2.x server."""

    can_address_map_index = False
    clear_stops_running = False

    def health(self) -> Health:
        began = time.monotonic()
        return parsing.health(
            self._calls.ask("read its health", self._asker("GET", "/health"), None), time.monotonic() - began
        )

    def jobs(self) -> list[Job]:
        """Derived from the server's health, because Airflow 2 has no endpoint that lists jobs."""
        return parsing.recent(
            [job for part in self.health().components if (job := parsing.job_of(part))], datetime.now(UTC)
        )

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        def page(offset: int, size: int) -> Any:
            query = {"only_active": "true", "order_by": "dag_id", "limit": size, "offset": offset}
            return self._get("list DAGs", "/dags", {**query, **({"dag_id_pattern": pattern} if pattern else {})})

        def wanted(dag: Dag) -> bool:  # the server's pattern treats `_` as any character
            return pattern.casefold() in dag.dag_id.casefold()

        return paging.collect(page, "dags", parsing.dag, limit, wanted if pattern else None)

    def dag(self, dag_id: str) -> Dag | None:
        """Reads the DAG twice, because `/details` has the params but no owners. None if there is no such DAG."""
        row = self._get(f"read {dag_id}", f"/dags/{quoted(dag_id)}", allow={404})
        if row is None:
            return None
        details = self._get(f"read {dag_id}", f"/dags/{quoted(dag_id)}/details", allow={404})
        return parsing.dag({**(details or {}), **{key: value for key, value in row.items() if value is not None}})

    def task_ids(self, dag_id: str) -> list[str] | None:
        answer = self._get(f"read {dag_id}", f"/dags/{quoted(dag_id)}/tasks", allow={404})
        return None if answer is None else [str(row.get("task_id")) for row in parsing.rows(answer, "tasks")]

    def task_tree(self, dag_id: str) -> list[TaskNode] | None:
        answer = self._get(f"read {dag_id}", f"/dags/{quoted(dag_id)}/tasks", allow={404})
        return None if answer is None else [parsing.task_node(row) for row in parsing.rows(answer, "tasks")]

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        query: dict[str, Any] = {"dag_ids": [dag_id], "dag_run_ids": [run_id]}
        query.update({"task_ids": [task_id]} if task_id is not None else {})
        query.update({"state": [None if state == "none" else state for state in states]} if states else {})

        def page(offset: int, size: int) -> Any:
            body = {**query, "page_offset": offset, "page_limit": size}
            path = "/dags/~/dagRuns/~/taskInstances/list"
            return self._post(f"read the tasks of {dag_id}", path, body, reads_only=True, allow={404})

        return paging.distinct(paging.collect(page, "task_instances", parsing.task_instance), lambda one: one.ref)

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        answer = self._get(f"read the tasks of {ref.dag_id}", task_path(ref), allow={404})
        return None if answer is None else parsing.task_instance(answer)

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        def page(offset: int, size: int) -> Any:
            query = {"state": FAILED_STATES, "end_date_gte": moment.isoformat(), "limit": size, "offset": offset}
            return self._get("read the failed tasks", "/dags/~/dagRuns/~/taskInstances", query)

        return paging.distinct(paging.collect(page, "task_instances", parsing.task_instance), lambda one: one.ref)

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        one = next((f"{task}[{index}]" for task, index in scope.tasks if index is not None and index >= 0), None)
        if one:
            raise Permanent(
                f"Airflow ({self.name}) is {self.version} and cannot clear {one} by itself; "
                "it can clear all failed indexes of the task",
                "map_index",
            )
        return clearing.clear(self, scope, dry_run=dry_run, note=note)

    def ask_clear(self, scope: Scope, planned: Sequence[TaskInstance] | None, note: str) -> list[TaskInstance]:  # noqa: ARG002
        present = self.task_instances(scope.dag_id, scope.run_id) if planned is None else planned
        body: dict[str, Any] = {
            "dry_run": planned is None,
            "dag_run_id": scope.run_id,
            "only_failed": scope.only_failed,
            "include_downstream": scope.downstream,
            "include_upstream": scope.upstream,
            "reset_dag_runs": True,
        }
        if scope.tasks:
            body["task_ids"] = list(dict.fromkeys(task for task, _ in scope.tasks))
        path = f"/dags/{quoted(scope.dag_id)}/clearTaskInstances"
        answer = self._post(f"clear in {scope.dag_id}", path, body, reads_only=planned is None)
        rows = [parsing.task_instance(row) for row in parsing.rows(answer, "task_instances")]
        named = [clearing.named_run(one, scope.dag_id, scope.run_id) for one in rows]
        if planned is None:
            return clearing.filled(named, present, scope)
        return [one for one in planned if one.ref.task_id in {row.ref.task_id for row in named}]

    def clears_with_note(self) -> bool:
        return False

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        """Marks and reads back. Airflow also clears the failed tasks after it; a dry clear of its downstream lists them
        beforehand."""
        before = self.task_instance(ref)
        if before is None:
            raise Permanent(f"the run {ref.run_id} of {ref.dag_id} has no task instance `{ref.label}`", "404")
        if before.state == state:
            return []
        body = {"dry_run": False, "new_state": state}
        self._patch(f"mark tasks of {ref.dag_id}", task_path(ref), body)
        if note:
            self.set_note(ref, note)
        after = self.task_instance(ref)
        return [after or before]

    def set_note(self, ref: TaskRef, note: str) -> None:
        body = {"note": note[: clearing.NOTE_LENGTH]}
        self._patch(f"write notes in {ref.dag_id}", f"{task_path(ref)}/setNote", body)

    def pause(self, dag_id: str, paused: bool) -> Dag:
        what = f"{'pause' if paused else 'unpause'} {dag_id}"
        return parsing.dag(self._patch(what, f"/dags/{quoted(dag_id)}?update_mask=is_paused", {"is_paused": paused}))

    def import_errors(self) -> list[ImportFault]:
        def page(offset: int, size: int) -> Any:
            return self._get("read import errors", "/importErrors", {"limit": size, "offset": offset})

        return paging.collect(page, "import_errors", parsing.import_fault)

    def pools(self) -> list[Pool]:
        def page(offset: int, size: int) -> Any:
            return self._get("read pools", "/pools", {"limit": size, "offset": offset})

        return paging.collect(page, "pools", parsing.pool)

    def log(self, ref: TaskRef, try_number: int) -> Log:
        path = f"{run_path(ref.dag_id, ref.run_id)}/taskInstances/{quoted(ref.task_id)}/logs/{try_number}"
        query: dict[str, Any] = {"full_content": "true"}
        query.update({"map_index": ref.map_index} if ref.map_index >= 0 else {})
        what, accept = f"read the logs of {ref.dag_id}", {"Accept": "text/plain"}
        ask = self._asker("GET", path, query=query, extra=accept, tail=True)
        reply = self._calls.send(what, ask, self._login, allow={404})
        if reply.status == 404:
            return Log((f"Airflow has no log of try {try_number} of {ref.label}: {errors.detail(reply.body)}",), False)
        return logs.from_text(reply.body)
