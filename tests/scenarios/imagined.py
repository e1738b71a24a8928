"""An Airflow that is only imagined: DAGs, runs and tasks in memory, behind the bot's own protocol.

Hard case: one that hangs; `hangs` holds every question back until it is let go. Rule: for what people choose and see in Slack
alone; what Airflow itself does is tried on a real one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bot.core.airflow.protocol import Airflow, Component, Dag, Health, Run, Scope, TaskInstance, TaskRef
from bot.core.airflow.variables import Param
from bot.core.errors import Temporary
from tests.scenarios.room import DEPLOYMENT, BotHere, Room, a_room

NEWEST = "scheduled__2026-11-22T05:00:00+00:00"
FAILED = "scheduled__2026-11-21T05:00:00+00:00"
_AT = datetime(2026, 11, 22, 5, tzinfo=UTC)
PARAMS = {
    "region": Param("region", "eu", {"type": "string", "enum": ["eu", "us"]}, "Where the shop is"),
    "day": Param("day", "2026-11-22", {"type": "string", "format": "date"}),
    "batch": Param("batch", 500, {"type": "integer", "minimum": 1, "maximum": 1000}, "Rows a statement"),
    "full_refresh": Param("full_refresh", False, {"type": "boolean"}, "reload all days, about 3 h"),
    "tables": Param("tables", ["orders"], {"type": "array"}),
}


@dataclass
class Imagined:
    """`dags` by id; every DAG has the same two runs, of which the older one failed."""

    name: str = DEPLOYMENT
    known: dict[str, Dag] = field(default_factory=dict)
    ui_url: str = "https://airflow.example.com"
    url: str = "https://api.airflow.example.com"
    version: str = "3.3.2"
    major: int = 3
    can_address_map_index: bool = True
    clear_stops_running: bool = True
    trouble: str = ""
    asked: list[str] = field(default_factory=list)
    cleared: list[Scope] = field(default_factory=list)
    triggered: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.slow_once: dict[str, threading.Event] = {}  # a DAG whose runs come only when the event is set
        names = ["sales_daily", "sales_weekly", "orders_hourly", "ledger_daily"]
        self.known = self.known or {name: Dag(name, is_paused=name == "sales_weekly") for name in names}
        self.known["sales_daily"] = Dag("sales_daily", False, params=PARAMS, max_active_runs=1)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        del seconds
        yield

    def _heard(self, question: str) -> None:
        self.asked.append(question)
        self.free.wait(30)
        if self.trouble:
            raise Temporary(self.trouble)

    def health(self) -> Health:
        self._heard("health")
        return Health((Component("scheduler", True), Component("triggerer", True)), 0.01)

    def import_errors(self) -> list[Any]:
        return []

    def pools(self) -> list[Any]:
        return []

    def jobs(self) -> list[Any]:
        return []

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        self._heard(f"dags {pattern}")
        return [dag for name, dag in sorted(self.known.items()) if pattern.casefold() in name.casefold()][:limit]

    def dag(self, dag_id: str) -> Dag | None:
        self._heard(f"dag {dag_id}")
        return self.known.get(dag_id)

    def task_ids(self, dag_id: str) -> list[str] | None:
        return ["extract", "load", "publish"] if dag_id in self.known else None

    def runs(self, dag_id: str, states: Sequence[str] = (), limit: int = 25, **_: object) -> list[Run]:
        self._heard(f"runs {dag_id}")
        if dag_id in self.slow_once:
            self.slow_once[dag_id].wait(30)
        found = [Run(dag_id, NEWEST, "running", "scheduled", _AT), Run(dag_id, FAILED, "failed", "scheduled", _AT)]
        return [run for run in found if not states or run.state in states][:limit]

    def run(self, dag_id: str, run_id: str) -> Run | None:
        return next((run for run in self.runs(dag_id) if run.run_id == run_id), None)

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        self._heard(f"tasks {dag_id} {run_id}")
        bad = run_id == FAILED
        rows = [("extract", -1, "success"), ("load", 0, "failed" if bad else "running"), ("load", 1, "success"),
                ("publish", -1, "upstream_failed" if bad else "none")]  # fmt: skip
        made = [TaskInstance(TaskRef(dag_id, run_id, task, index), state, 1) for task, index, state in rows]
        return [one for one in made if (not states or one.state in states) and task_id in (None, one.ref.task_id)]

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        return next((one for one in self.task_instances(ref.dag_id, ref.run_id) if one.ref == ref), None)

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        del note
        found = self.task_instances(scope.dag_id, scope.run_id)
        named = {task for task, _ in scope.tasks}
        if not dry_run:
            self.cleared.append(scope)
        return [one for one in found if (not named or one.ref.task_id in named)
                and (not scope.only_failed or one.state in {"failed", "upstream_failed"})]  # fmt: skip

    def pause(self, dag_id: str, paused: bool) -> Dag:
        self.known[dag_id] = replace(self.known[dag_id], is_paused=paused)
        return self.known[dag_id]

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str = "") -> Run:
        del note
        self.triggered.append((dag_id, conf))
        return Run(dag_id, run_id, "queued")

    def run_url(self, dag_id: str, run_id: str) -> str:
        return f"{self.ui_url}/dags/{dag_id}/runs/{run_id}"

    def task_url(self, ref: TaskRef, try_number: int | None = None) -> str:
        del try_number
        return f"{self.ui_url}/dags/{ref.dag_id}/runs/{ref.run_id}/tasks/{ref.task_id}"

    def close(self) -> None:
        self.free.set()


@contextmanager
def an_imagined_room(folder: Path, *airflows: Imagined, **given: Any) -> Iterator[Room]:
    """A room whose bot believes in these Airflows."""
    with a_room(folder, **given) as room:
        assert isinstance(room.bot, BotHere)
        room.bot.windsock.services.airflows = {one.name: cast(Airflow, one) for one in airflows}
        try:
            yield room
        finally:
            for one in airflows:
                one.free.set()
                for event in one.slow_once.values():
                    event.set()
