"""An Airflow on paper: the whole protocol in memory, for tests of what is built on top of it.

It keeps what it was told and does at once what a real one does in time. `away` makes every verb raise, `asked` is
what was called. Its figures are made so that a test can count on them: nothing happens by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.airflow.protocol import (
    FAILED_STATES,
    Airflow,
    Backfill,
    BackfillDate,
    Component,
    Connection,
    ConnectionTest,
    Dag,
    Health,
    ImportFault,
    Job,
    Log,
    Pool,
    Run,
    Scope,
    TaskInstance,
    TaskNode,
    TaskRef,
    Variable,
)
from bot.core.errors import Permanent, Temporary

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENDED = {"success", "failed"}
DISABLED = "Airflow does not test connections: set `[core] test_connection = Enabled` on its API server"


@dataclass
class PaperAirflow:
    """`dags_by_id`, `trees`, `runs_by_id` … may be filled by the test; DAGs with a timetable are daily."""

    name: str = "prod"
    ui_url: str = "http://airflow.test"
    url: str = "http://api.airflow.test"
    major: int = 3
    away: bool = False
    tests_connections: bool = True
    dags_by_id: dict[str, Dag] = field(default_factory=dict)
    trees: dict[str, list[TaskNode]] = field(default_factory=dict)
    runs_by_id: dict[tuple[str, str], Run] = field(default_factory=dict)
    instances: dict[TaskRef, TaskInstance] = field(default_factory=dict)
    logs: dict[tuple[TaskRef, int], Log] = field(default_factory=dict)
    faults: list[ImportFault] = field(default_factory=list)
    pool_list: list[Pool] = field(default_factory=list)
    variables_by_key: dict[str, Variable] = field(default_factory=dict)
    connections_by_id: dict[str, Connection] = field(default_factory=dict)
    backfills: dict[int, Backfill] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    now: datetime = NOW

    @property
    def version(self) -> str:
        return "3.3.2" if self.major == 3 else "2.11.2"

    @property
    def can_address_map_index(self) -> bool:
        return self.major == 3

    @property
    def clear_stops_running(self) -> bool:
        return self.major == 3

    @property
    def has_backfill(self) -> bool:
        return self.major == 3

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:  # noqa: ARG002
        yield

    # ---- reading

    def health(self) -> Health:
        self._note("health")
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return Health(tuple(Component(part, True, self.now) for part in parts), 0.01)

    def jobs(self) -> list[Job]:
        self._note("jobs")
        host = "scheduler-0" if self.major == 3 else ""
        return [Job("scheduler", host, "running", self.now, True)]

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        self._note("dags", pattern)
        found = [dag for dag_id, dag in sorted(self.dags_by_id.items()) if pattern.casefold() in dag_id.casefold()]
        return [replace(dag, params={}) for dag in found][:limit]

    def dag(self, dag_id: str) -> Dag | None:
        self._note("dag", dag_id)
        return self.dags_by_id.get(dag_id)

    def task_ids(self, dag_id: str) -> list[str] | None:
        tree = self.task_tree(dag_id)
        return None if tree is None else [node.task_id for node in tree]

    def task_tree(self, dag_id: str) -> list[TaskNode] | None:
        self._note("task_tree", dag_id)
        return self.trees.get(dag_id, []) if dag_id in self.dags_by_id else None

    def runs(
        self,
        dag_id: str,
        states: Sequence[str] = (),
        limit: int = 25,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        self._note("runs", dag_id)
        found = [
            run
            for run in self.runs_by_id.values()
            if (not dag_id or run.dag_id == dag_id)
            and (not states or run.state in states)
            and (since is None or _when(run) >= since)
            and (until is None or _when(run) <= until)
        ]
        return sorted(found, key=_when, reverse=True)[:limit]

    def run(self, dag_id: str, run_id: str) -> Run | None:
        self._note("run", run_id)
        return self.runs_by_id.get((dag_id, run_id))

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        self._note("task_instances", run_id)
        return [
            one
            for ref, one in self.instances.items()
            if (ref.dag_id, ref.run_id) == (dag_id, run_id)
            and (not states or one.state in states)
            and task_id in (None, ref.task_id)
        ]

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        self._note("task_instance", ref)
        return self.instances.get(ref)

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        self._note("failed_since")
        ended = [one for one in self.instances.values() if one.state in FAILED_STATES]
        return [one for one in ended if one.end_date is not None and one.end_date >= moment]

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        self._note("failed_runs_since")
        failed = [run for run in self.runs_by_id.values() if run.state == "failed"]
        return [run for run in failed if run.end_date is not None and run.end_date >= moment]

    def import_errors(self) -> list[ImportFault]:
        self._note("import_errors")
        return list(self.faults)

    def pools(self) -> list[Pool]:
        self._note("pools")
        return list(self.pool_list)

    def log(self, ref: TaskRef, try_number: int) -> Log:
        self._note("log", ref)
        return self.logs.get((ref, try_number), Log(("Airflow has no log of it",), found=False))

    def run_url(self, dag_id: str, run_id: str) -> str:
        return f"{self.ui_url}/dags/{dag_id}/runs/{run_id}"

    def task_url(self, ref: TaskRef, try_number: int | None = None) -> str:  # noqa: ARG002
        return f"{self.run_url(ref.dag_id, ref.run_id)}/tasks/{ref.task_id}"

    # ---- acting

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        self._note("clear", (scope, dry_run))
        named = [task for task, _ in scope.tasks]
        found = [
            one
            for one in self.task_instances(scope.dag_id, scope.run_id)
            if (not named or one.ref.task_id in named)
            and (not scope.only_failed or one.state in ("failed", "upstream_failed"))
        ]
        for one in [] if dry_run else found:
            self.instances[one.ref] = replace(one, state="none", note=note or one.note)
        if found and not dry_run:
            self._set_run(scope.dag_id, scope.run_id, state="queued")
        return found

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        self._note("mark", (ref, state))
        before = self._instance(ref)
        if before.state == state:
            return []
        self.instances[ref] = replace(before, state=state, note=note or before.note)
        return [self.instances[ref]]

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        self._note("set_run_state", (run_id, state))
        return self._set_run(dag_id, run_id, state=state, **({"note": note} if note else {}))

    def set_note(self, ref: TaskRef, note: str) -> None:
        self._note("set_note", (ref, note))
        self.instances[ref] = replace(self._instance(ref), note=note)

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None:
        self._note("set_run_note", (run_id, note))
        self._set_run(dag_id, run_id, note=note)

    def pause(self, dag_id: str, paused: bool) -> Dag:
        self._note("pause", (dag_id, paused))
        self.dags_by_id[dag_id] = replace(self._dag(dag_id), is_paused=paused)
        return self.dags_by_id[dag_id]

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        note: str = "",
        logical_date: datetime | None = None,
    ) -> Run:
        self._note("trigger", (dag_id, run_id, dict(conf), logical_date))
        self._dag(dag_id)
        if there := self.runs_by_id.get((dag_id, run_id)):
            return there
        taken = logical_date is not None and any(
            run.logical_date == logical_date for run in self.runs_by_id.values() if run.dag_id == dag_id
        )
        if taken:
            raise Permanent(f"Airflow ({self.name}) answered 409: {dag_id} has another run at that date", "409")
        at = logical_date or (None if self.major == 3 else self.now)
        run = Run(dag_id, run_id, "queued", "manual", at, logical_date or self.now, None, None, dict(conf), note)
        self.runs_by_id[dag_id, run_id] = run
        return run

    # ---- what is configured

    def variable(self, key: str) -> Variable | None:
        self._note("variable", key)
        return self.variables_by_key.get(key)

    def variables(self, pattern: str = "", limit: int = 50) -> list[str]:
        self._note("variables", pattern)
        return [key for key in sorted(self.variables_by_key) if pattern.casefold() in key.casefold()][:limit]

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:
        self._note("set_variable", key)
        before = self.variables_by_key.get(key)
        said = description or (before.description if before else "")
        self.variables_by_key[key] = Variable(key, value, said, True)
        return self.variables_by_key[key]

    def connection(self, conn_id: str) -> Connection | None:
        self._note("connection", conn_id)
        return self.connections_by_id.get(conn_id)

    def connections(self, limit: int = 100) -> list[Connection]:
        self._note("connections")
        return [one for _, one in sorted(self.connections_by_id.items())][:limit]

    def test_connection(self, conn_id: str) -> ConnectionTest:
        self._note("test_connection", conn_id)
        if conn_id not in self.connections_by_id:
            raise Permanent(f"Airflow ({self.name}) has no connection `{conn_id}`", "404")
        return ConnectionTest(True, "Connection successfully tested") if self.tests_connections else _not_tested()

    # ---- backfills

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        self._note("backfill_dates", (dag_id, start, end, rerun))
        if self._dag(dag_id).timetable is None:
            raise Permanent(f"{dag_id} has no schedule, so that there are no dates to backfill", "no_schedule")
        there = {run.logical_date: run for run in self.runs_by_id.values() if run.dag_id == dag_id}
        dates = [start + timedelta(days=day) for day in range((end - start).days + 1)]
        found = [
            BackfillDate(at, there[at].run_id, there[at].state) if at in there else BackfillDate(at) for at in dates
        ]
        again = {"none": set(), "failed": {"failed"}, "completed": ENDED}[rerun]
        return [one for one in found if not one.run_id or one.state in again]

    def backfill(
        self, dag_id: str, start: datetime, end: datetime, *, rerun: str, max_active_runs: int | None = None
    ) -> Backfill:
        planned = self.backfill_dates(dag_id, start, end, rerun=rerun)
        self._note("backfill", (dag_id, start, end, rerun, max_active_runs))
        for one in planned:
            run_id = one.run_id or f"backfill__{one.logical_date.isoformat()}"
            self.runs_by_id[dag_id, run_id] = Run(dag_id, run_id, "queued", "backfill", one.logical_date, self.now)
        number = len(self.backfills) + 1 if self.has_backfill else None
        run_ids = tuple(one.run_id or f"backfill__{one.logical_date.isoformat()}" for one in planned)
        done = Backfill(number, dag_id, start, end, run_ids, self.now)
        if number is not None:
            self.backfills[number] = done
        return self._as_it_is(done)

    def backfill_state(self, backfill_id: int) -> Backfill | None:
        self._note("backfill_state", backfill_id)
        found = self.backfills.get(backfill_id)
        return None if found is None else self._as_it_is(found)

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        self._note("cancel_backfill", backfill_id)
        if backfill_id not in self.backfills:
            raise Permanent(f"Airflow ({self.name}) has no backfill {backfill_id}", "404")
        one = self.backfills[backfill_id]
        for run_id in one.run_ids:
            if self.runs_by_id[one.dag_id, run_id].state == "queued":
                self._set_run(one.dag_id, run_id, state="failed")
        self.backfills[backfill_id] = replace(one, completed_at=one.completed_at or self.now)
        return self._as_it_is(self.backfills[backfill_id])

    def _as_it_is(self, one: Backfill) -> Backfill:
        runs = [self.runs_by_id[one.dag_id, run_id] for run_id in one.run_ids]
        dates = tuple(BackfillDate(run.logical_date or self.now, run.run_id, run.state) for run in runs)
        return replace(one, dates=dates, counts=Counter(run.state for run in runs))

    def _note(self, verb: str, what: Any = None) -> None:
        self.asked.append((verb, what))
        if self.away:
            raise Temporary(f"Airflow ({self.name}) could not be reached")

    def _dag(self, dag_id: str) -> Dag:
        if dag_id not in self.dags_by_id:
            raise Permanent(f"Airflow ({self.name}) answered 404: no DAG `{dag_id}`", "404")
        return self.dags_by_id[dag_id]

    def _instance(self, ref: TaskRef) -> TaskInstance:
        if ref not in self.instances:
            raise Permanent(f"the run {ref.run_id} of {ref.dag_id} has no task instance `{ref.label}`", "404")
        return self.instances[ref]

    def _set_run(self, dag_id: str, run_id: str, **changes: Any) -> Run:
        if (dag_id, run_id) not in self.runs_by_id:
            raise Permanent(f"Airflow ({self.name}) answered 404: no run `{run_id}`", "404")
        self.runs_by_id[dag_id, run_id] = replace(self.runs_by_id[dag_id, run_id], **changes)
        return self.runs_by_id[dag_id, run_id]


def _when(run: Run) -> datetime:
    return run.logical_date or run.run_after or NOW


def _not_tested() -> ConnectionTest:
    return ConnectionTest(None, DISABLED)


def _keeps_the_protocol(paper: PaperAirflow) -> Airflow:
    return paper  # mypy says when a verb is missing
