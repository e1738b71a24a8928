"""An Airflow in memory for the tests of what is carried out: a few runs, every verb, and trouble on order.

Hard case: dying *after* acting. `trouble` is a queue: each write takes the next one, which says whether it acted first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bot.core.access import EVERYBODY, Access, Person
from bot.core.airflow.backfill import Backfill, BackfillDate
from bot.core.airflow.protocol import Airflow, Dag, Run, Scope, TaskInstance, TaskRef
from bot.core.airflow.variables import Param, Variable
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Plan, Remediation
from bot.core.roles import Role
from bot.responder.actions.clear import plan_clear
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.store import remediations
from tests.given import ANA, NOW, opened

DAY = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Trouble:
    """What happens to one write: it raises, after it acted or before."""

    error: Exception
    acts: bool = False


@dataclass
class Memory:
    """The verbs that the responder uses. `calls` are the writes that acted, oldest first."""

    name: str = "prod"
    ui_url: str = "https://airflow.example.com"
    url: str = "https://api.airflow.example.com"
    version: str = "3.3.2"
    major: int = 3
    can_address_map_index: bool = True
    clear_stops_running: bool = True
    has_backfill: bool = True
    states: dict[TaskRef, str] = field(default_factory=dict)
    runs_of: dict[tuple[str, str], Run] = field(default_factory=dict)
    paused: dict[str, bool] = field(default_factory=dict)
    params: dict[str, Param] = field(default_factory=dict)
    notes: dict[TaskRef, str] = field(default_factory=dict)
    run_notes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    trouble: deque[Trouble | None] = field(default_factory=deque)
    away: Exception | None = None

    def _read(self) -> None:
        if self.away is not None:
            raise self.away

    def _write(self, *call: Any) -> Exception | None:
        """Raises what is on order; returns what is to be raised after acting."""
        self._read()
        trouble = self.trouble.popleft() if self.trouble else None
        if trouble is not None and not trouble.acts:
            raise trouble.error
        self.calls.append(call)
        return trouble.error if trouble else None

    def within(self, _: float) -> AbstractContextManager[None]:
        return nullcontext()

    def dag(self, dag_id: str) -> Dag | None:
        self._read()
        return Dag(dag_id, self.paused[dag_id], params=self.params) if dag_id in self.paused else None

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:  # noqa: ARG002
        return [Dag(dag_id, paused) for dag_id, paused in sorted(self.paused.items())]

    def task_ids(self, dag_id: str) -> list[str] | None:
        return sorted({ref.task_id for ref in self.states if ref.dag_id == dag_id})

    def runs(self, dag_id: str, states: Sequence[str] = (), limit: int = 25, *, since: datetime | None = None,
             until: datetime | None = None) -> list[Run]:  # fmt: skip
        self._read()
        found = [run for run in self.runs_of.values() if run.dag_id == dag_id and (not states or run.state in states)]
        dated = [
            run
            for run in found
            if run.logical_date and (since or run.logical_date) <= run.logical_date <= (until or NOW)
        ]
        return sorted(dated, key=lambda run: run.logical_date or NOW, reverse=True)[:limit]

    def run(self, dag_id: str, run_id: str) -> Run | None:
        self._read()
        return self.runs_of.get((dag_id, run_id))

    def task_instances(self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
                       ) -> list[TaskInstance]:  # fmt: skip
        self._read()
        return [self._instance(ref) for ref in sorted(self.states) if (ref.dag_id, ref.run_id) == (dag_id, run_id)
                and task_id in (None, ref.task_id) and (not states or self.states[ref] in states)]  # fmt: skip

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        self._read()
        return self._instance(ref) if ref in self.states else None

    def _instance(self, ref: TaskRef) -> TaskInstance:
        return TaskInstance(ref, self.states[ref], note=self.notes.get(ref, ""))

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        self._read()
        found = [one for one in self.task_instances(scope.dag_id, scope.run_id) if self._is_in(one, scope)]
        if dry_run:
            return found
        after = self._write("clear", scope.run_id, len(found))
        for one in found:
            if one.state == "running" and not self.clear_stops_running:
                continue
            self.states[one.ref] = "none"
            self.notes[one.ref] = note
        if after:
            raise after
        return found

    def _is_in(self, one: TaskInstance, scope: Scope) -> bool:
        if scope.only_failed and one.state not in {"failed", "upstream_failed"}:
            return False
        named = any(task == one.ref.task_id and index in (None, one.ref.map_index) for task, index in scope.tasks)
        return not scope.tasks or named

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        after = self._write("mark", ref.label, state)
        self.states[ref], self.notes[ref] = state, note
        if after:
            raise after
        return [self._instance(ref)]

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        after = self._write("run", run_id, state)
        self.runs_of[dag_id, run_id] = replace(self.runs_of[dag_id, run_id], state=state, note=note)
        if after:
            raise after
        return self.runs_of[dag_id, run_id]

    def set_run_note(self, _: str, run_id: str, note: str) -> None:
        self.run_notes[run_id] = note

    def pause(self, dag_id: str, paused: bool) -> Dag:
        after = self._write("pause" if paused else "unpause", dag_id)
        self.paused[dag_id] = paused
        if after:
            raise after
        return Dag(dag_id, paused)

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str = "",
                logical_date: datetime | None = None) -> Run:  # fmt: skip
        if (dag_id, run_id) not in self.runs_of:
            after = self._write("trigger", run_id, dict(conf))
            self.runs_of[dag_id, run_id] = Run(dag_id, run_id, "queued", logical_date=logical_date or NOW, note=note)
            if after:
                raise after
        return self.runs_of[dag_id, run_id]

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        self._read()
        days = [DAY.replace(day=day) for day in range(1, 30) if start <= DAY.replace(day=day) <= end]
        there = {run.logical_date: run for (dag, _), run in self.runs_of.items() if dag == dag_id}
        dates = [
            BackfillDate(day, there[day].run_id, there[day].state) if day in there else BackfillDate(day)
            for day in days
        ]
        return [date for date in dates if not date.run_id or (rerun == "failed" and date.state == "failed")]

    def backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        rerun: str,
        max_active_runs: int | None = None,  # noqa: ARG002
    ) -> Backfill:
        dates = self.backfill_dates(dag_id, start, end, rerun=rerun)
        after = self._write("backfill", len(dates))
        for date in dates:
            run_id = date.run_id or f"backfill__{date.logical_date:%Y-%m-%d}"
            self.runs_of[dag_id, run_id] = Run(dag_id, run_id, "queued", logical_date=date.logical_date)
        if after:
            raise after
        return Backfill(1, dag_id, start, end, tuple(run for _, run in self.runs_of))

    def variable(self, key: str) -> Variable | None:
        self._read()
        return Variable(key, self.settings[key]) if key in self.settings else None

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:  # noqa: ARG002
        after = self._write("variable", key)
        self.settings[key] = value
        if after:
            raise after
        return Variable(key, value)


RUN = "scheduled__2026-11-20T00:00:00+00:00"
AWAY = Temporary("Airflow (prod) cannot be reached", acted=False)
SILENT = Temporary("Airflow (prod) did not answer within 10 s", acted=None)


def memory(mapped: int = 3, **changed: Any) -> Memory:
    """`sales`: load has failed in every one of its indexes, store waits behind it; the run failed."""
    states = {TaskRef("sales", RUN, "load", index): "failed" for index in range(mapped)}
    states[TaskRef("sales", RUN, "store")] = "upstream_failed"
    states[TaskRef("sales", RUN, "extract")] = "success"
    made = Memory(states=states, paused={"sales": False}, **changed)
    made.runs_of["sales", RUN] = Run("sales", RUN, "failed", logical_date=DAY)
    return made


def services_of(airflow: Memory, folder: Path) -> Services:
    store = opened(f"sqlite:///{folder / 'windsock.db'}")
    access = Access({Role.operator: frozenset({EVERYBODY})}, wide=100_000)
    return Services(store, access=access, airflows={airflow.name: cast(Airflow, airflow)})


def whole(only_failed: bool = True) -> Scope:
    return Scope("sales", RUN, (), only_failed=only_failed)


BEN = Person("U0BEN", "Ben")
__all__ = [
    "ANA",
    "AWAY",
    "BEN",
    "DAY",
    "RUN",
    "SILENT",
    "Memory",
    "Permanent",
    "Trouble",
    "memory",
    "services_of",
    "whole",
]


def planned(found: Plan | Refused) -> Plan:
    assert isinstance(found, Plan), found
    return found


def confirmed(services: Services, plan: Plan) -> Remediation:
    asked = plans.confirm(services, ANA, plan.id)
    assert isinstance(asked, Remediation), asked
    return asked


def carried_on(services: Services, plan_id: str) -> Remediation:
    """One more step of what is written down."""
    with services.store.read() as t:
        found = remediations.of_plan(t, plan_id)
    assert found is not None
    return carry_out.carry_on(services, found, lambda _: None)


def clear(services: Services) -> Plan:
    return planned(plan_clear(services, ANA, "prod", [whole()], "C1"))
