"""Airflow 3.x: `/api/v2` through the generated client in raw mode.

Hard cases: a PATCH on a mapped task without an index changes every index, so the index is always named, -1 too;
an older 3.x refuses body fields that it does not know. Rule: a body holds only what this server's minor version
knows, and what a 422 called unknown is left out from then on.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.airflow import clearing, faults, logs, pages, wire
from bot.airflow.calls import Calls, Login, Reply
from bot.airflow.client import Question, RawClient
from bot.core.deployment import (
    FAILED_STATES,
    Dag,
    Health,
    ImportFault,
    Log,
    Pool,
    Run,
    Scope,
    TaskInstance,
    TaskRef,
)
from bot.core.errors import Permanent

# Fields that we send and that not every 3.x server knows: since which minor version.
SINCE = {("ClearTaskInstancesBody", "note"): 3}
NDJSON = "application/x-ndjson"


class AirflowThree:
    """The verbs of `bot.core.deployment.Airflow` on one 3.x server."""

    major = 3
    can_address_map_index = True

    def __init__(self, name: str, version: str, calls: Calls, login: Login, client: RawClient) -> None:
        self.name, self.version = name, version
        self._calls, self._login, self._client = calls, login, client
        self._unknown = {key for key, minor in SINCE.items() if _minor(version) < minor}

    def health(self) -> Health:
        began = time.monotonic()
        question = Question("MonitorApi", "get_health", {})
        answer = self._calls.ask("read its health", lambda *how: self._client.ask(question, *how), None)
        return wire.health(answer, time.monotonic() - began)

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "list DAGs", "DAGApi", "get_dags", dag_id_pattern=pattern or None, order_by=["dag_id"],
                exclude_stale=True, limit=size, offset=offset,
            )  # fmt: skip

        found = pages.collect(page, "dags", wire.dag, limit)
        return [dag for dag in found if pattern.casefold() in dag.dag_id.casefold()]

    def dag(self, dag_id: str) -> Dag | None:
        answer = self._get(f"read {dag_id}", "DAGApi", "get_dag_details", allow={404}, dag_id=dag_id)
        return None if answer is None else wire.dag(answer)

    def task_ids(self, dag_id: str) -> list[str] | None:
        answer = self._get(f"read {dag_id}", "TaskApi", "get_tasks", allow={404}, dag_id=dag_id)
        return None if answer is None else [str(row.get("task_id")) for row in wire.rows(answer, "tasks")]

    def runs(self, dag_id: str, states: Sequence[str] = (), limit: int = 25) -> list[Run]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                f"read the runs of {dag_id}", "DagRunApi", "get_dag_runs", allow={404}, dag_id=dag_id,
                state=list(states) or None, order_by=["-run_after"], limit=size, offset=offset,
            )  # fmt: skip

        return pages.collect(page, "dag_runs", wire.run, limit)

    def run(self, dag_id: str, run_id: str) -> Run | None:
        answer = self._get(
            f"read the runs of {dag_id}", "DagRunApi", "get_dag_run", allow={404}, dag_id=dag_id, dag_run_id=run_id
        )
        return None if answer is None else wire.run(answer)

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                f"read the tasks of {dag_id}", "TaskInstanceApi", "get_task_instances", allow={404},
                dag_id=dag_id, dag_run_id=run_id, task_id=task_id, state=list(states) or None,
                limit=size, offset=offset,
            )  # fmt: skip

        found = pages.collect(page, "task_instances", wire.task_instance)
        mine = [one for one in found if task_id in (None, one.ref.task_id)]
        return pages.distinct(mine, lambda one: one.ref)

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        answer = self._get(
            f"read the tasks of {ref.dag_id}", "TaskInstanceApi", "get_mapped_task_instance", allow={404}, **_names(ref)
        )
        return None if answer is None else wire.task_instance(answer)

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read the failed tasks", "TaskInstanceApi", "get_task_instances", dag_id="~", dag_run_id="~",
                state=FAILED_STATES, end_date_gte=moment, order_by=["end_date"], limit=size, offset=offset,
            )  # fmt: skip

        return pages.distinct(pages.collect(page, "task_instances", wire.task_instance), lambda one: one.ref)

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read the failed runs", "DagRunApi", "get_dag_runs", dag_id="~", state=["failed"], end_date_gte=moment,
                order_by=["end_date"], limit=size, offset=offset,
            )  # fmt: skip

        return pages.distinct(pages.collect(page, "dag_runs", wire.run), lambda one: (one.dag_id, one.run_id))

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
        found = [wire.task_instance(row) for row in wire.rows(answer, "task_instances")]
        return [clearing.named_run(one, scope.dag_id, scope.run_id) for one in found]

    def clears_with_note(self) -> bool:
        return ("ClearTaskInstancesBody", "note") not in self._unknown

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        """Airflow also clears the failed tasks after it; a dry clear of its downstream names them beforehand."""
        body = {"new_state": state, **({"note": note[: clearing.NOTE_LENGTH]} if note else {})}
        answer = self._patch_task(ref, body, f"mark tasks of {ref.dag_id}", allow={409})
        return [wire.task_instance(row) for row in wire.rows(answer, "task_instances")]

    def set_note(self, ref: TaskRef, note: str) -> None:
        body = {"note": note[: clearing.NOTE_LENGTH]}
        self._patch_task(ref, body, f"write notes in {ref.dag_id}", update_mask=["note"])

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        body = {"state": state, **({"note": note[: clearing.NOTE_LENGTH]} if note else {})}
        answer = self._write(
            f"set the state of runs of {dag_id}", "DagRunApi", "patch_dag_run", ("DAGRunPatchBody", body),
            dag_id=dag_id, dag_run_id=run_id,
        )  # fmt: skip
        return wire.run(answer)

    def pause(self, dag_id: str, paused: bool) -> Dag:
        what = f"{'pause' if paused else 'unpause'} {dag_id}"
        body = ("DAGPatchBody", {"is_paused": paused})
        return wire.dag(self._write(what, "DAGApi", "patch_dag", body, dag_id=dag_id, update_mask=["is_paused"]))

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str = "") -> Run:
        body = {"logical_date": None, "dag_run_id": run_id, "conf": dict(conf)}
        body.update({"note": note[: clearing.NOTE_LENGTH]} if note else {})
        answer = self._write(
            f"trigger {dag_id}", "DagRunApi", "trigger_dag_run", ("TriggerDAGRunPostBody", body),
            allow={409}, dag_id=dag_id,
        )  # fmt: skip
        found = self.run(dag_id, run_id) if answer is None else wire.run(answer)
        if found is None:
            raise Permanent(f"Airflow ({self.name}) answered 409: {dag_id} has another run at that date", "409")
        return found

    def import_errors(self) -> list[ImportFault]:
        def page(offset: int, size: int) -> Any:
            return self._get("read import errors", "ImportErrorApi", "get_import_errors", limit=size, offset=offset)

        return pages.collect(page, "import_errors", wire.import_fault)

    def pools(self) -> list[Pool]:
        def page(offset: int, size: int) -> Any:
            return self._get("read pools", "PoolApi", "get_pools", limit=size, offset=offset)

        return pages.collect(page, "pools", wire.pool)

    def log(self, ref: TaskRef, try_number: int) -> Log:
        question = Question(
            "TaskInstanceApi", "get_log", {**_names(ref), "try_number": try_number, "full_content": True, "accept": NDJSON},
            tail=True,
        )  # fmt: skip
        reply = self._send(f"read the logs of {ref.dag_id}", question, allow={404})
        if reply.status == 404:
            return Log((f"Airflow has no log of try {try_number} of {ref.label}: {faults.detail(reply.body)}",), False)
        return logs.from_events(reply.body)

    def _patch_task(
        self, ref: TaskRef, body: Mapping[str, Any], what: str, allow: Collection[int] = (), **arguments: Any
    ) -> Any:
        return self._write(
            what, "TaskInstanceApi", "patch_task_instance_by_map_index", ("PatchTaskInstanceBody", body),
            allow=allow, **_names(ref), **arguments,
        )  # fmt: skip

    def _get(self, what: str, api: str, verb: str, allow: Collection[int] = (), **arguments: Any) -> Any:
        question = Question(api, verb, arguments)
        return self._calls.ask(what, lambda *how: self._client.ask(question, *how), self._login, allow=allow)

    def _send(self, what: str, question: Question, allow: Collection[int]) -> Reply:
        return self._calls.send(what, lambda *how: self._client.ask(question, *how), self._login, allow=allow)

    def _write(
        self,
        what: str,
        api: str,
        verb: str,
        body: tuple[str, Mapping[str, Any]],
        *,
        allow: Collection[int] = (),
        reads_only: bool = False,
        **arguments: Any,
    ) -> Any:
        """Send a change (or a dry run of it), once more without the fields that this server does not know."""
        model, fields = body
        known = {key: value for key, value in fields.items() if (model, key) not in self._unknown}
        question = Question(api, verb, arguments, body=(model, known))

        def ask(*how: Any) -> Reply:
            reply = self._client.ask(question, *how)
            unknown = faults.unknown_fields(reply.body) & set(known) if reply.status == 422 else set()
            self._unknown |= {(model, field) for field in unknown}
            return reply

        try:
            return self._calls.ask(what, ask, self._login, write=not reads_only, allow=allow)
        except Permanent:
            if all((model, field) not in self._unknown for field in known):
                raise
            return self._write(what, api, verb, body, allow=allow, reads_only=reads_only, **arguments)


def _names(ref: TaskRef) -> dict[str, Any]:
    return {"dag_id": ref.dag_id, "dag_run_id": ref.run_id, "task_id": ref.task_id, "map_index": ref.map_index}


def _minor(version: str) -> int:
    parts = version.split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
