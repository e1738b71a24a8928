"""The preview is the action: on a real Airflow 3 and 2, what a plan lists is what is changed, exactly, whatever the DAG's shape,
the states in it and the scope.

Each case sets the states of a DAG's runs in the metastore, draws up a plan, confirms it and has it carried out; the task
instances that differ afterwards, of all DAGs, are compared with the plan's list, one by one.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.airflow.gateway import GatewayConfig, connect
from bot.core.access import EVERYBODY, Access, Person
from bot.core.airflow.protocol import Airflow, Scope, TaskRef
from bot.core.errors import Refused
from bot.core.remediation import RUNS_AGAIN, Plan, Progress, Remediation
from bot.core.roles import Role
from bot.responder.actions import catalog, clear, draft
from bot.responder.actions.mark import plan_mark_run, plan_mark_scopes
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.store.database import Store
from tests.scenarios.room import seconds_of
from tests.scenarios.shapes import RUNS, STATES, Shape, States, installed, shapes, wide
from tests.stacks import RunningAirflow

ANA = Person("U0ANA", "Ana")
WIDTH = 1_000
CASES = {3: 200, 2: 25}
PREVIEW_SECONDS = 3.0
PROGRESS_SECONDS = 5.0


@dataclass
class Bench:
    """Services beside a real Airflow, and the metastore behind it."""

    services: Services
    states: States
    numbers: Iterator[int]

    def prepared(self, dag_id: str, choose: Callable[[TaskRef], str | None], runs: dict[str, str]) -> None:
        chosen = {ref: choose(ref) for ref in self.states.refs(dag_id)}
        (airflow,) = self.services.airflows.values()
        if airflow.major == 2:
            chosen |= _possible(chosen)
        self.states.set(dag_id, chosen, runs, next(self.numbers))

    def carried_out(self, plan: Plan) -> Remediation:
        asked = plans.confirm(self.services, ANA, plan.id)
        assert isinstance(asked, Remediation), asked
        return carry_out.carry_on(self.services, asked, lambda _: None)


def _possible(chosen: dict[TaskRef, str | None]) -> dict[TaskRef, str | None]:
    """Airflow 2 removes the last indexes of a task when it has become narrower, and these DAGs never do."""
    widths = Counter((ref.run_id, ref.task_id) for ref in chosen)
    last = [ref for ref in chosen if ref.map_index == widths[ref.run_id, ref.task_id] - 1]
    return {ref: "skipped" for ref in last if chosen[ref] == "removed"}


@contextmanager
def a_bench(airflow: RunningAirflow, folder: Path, more: Sequence[Shape] = ()) -> Iterator[Bench]:
    """Services whose one deployment is this Airflow, with the random DAGs in it."""
    variable = f"WINDSOCK_TEST_AIRFLOW_{airflow.major}_DAGS"
    there = airflow.stack.dags_folder if airflow.stack else Path(os.environ[variable])
    store = Store(f"sqlite:///{folder / 'windsock.db'}")
    store.migrate()
    gateway = connect(GatewayConfig("test", airflow.url, airflow.username, airflow.password))
    access = Access({Role.operator: frozenset({EVERYBODY})}, wide=10_000)
    services = Services(store, access=access, airflows={"test": gateway})
    try:
        with installed(airflow, there, [*shapes(), *more]) as states:
            yield Bench(services, states, itertools.count(1))
    finally:
        gateway.close()
        store.close()


@pytest.fixture(scope="module")
def bench(airflow_3: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with a_bench(airflow_3, tmp_path_factory.mktemp("bench"), [wide(3)]) as opened:
        opened.states.widen("shape_wide", "r1", "part", WIDTH)
        yield opened


@pytest.fixture(scope="module")
def bench_2(airflow_2: RunningAirflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with a_bench(airflow_2, tmp_path_factory.mktemp("bench")) as opened, pytest.MonkeyPatch.context() as patched:
        patched.setattr(draft, "PATIENCE", 30.0)  # a busy machine is no reason here
        yield opened


@dataclass(frozen=True)
class Case:
    """What somebody asks for, in which world."""

    shape: Shape
    states: tuple[str | None, ...]  # dealt to the task instances in the order of their names, again from the start
    run_states: tuple[str, str]
    kind: str
    task: int
    index: int
    runs: tuple[str, ...]
    only_failed: bool
    downstream: bool
    upstream: bool
    mark: str

    def plan(self, services: Services, airflow: Airflow) -> Plan | Refused:
        where = (services, ANA, airflow.name)
        dag = self.shape.dag_id
        match self.kind:
            case "mark":
                scopes = [replace(scope, only_failed=False) for scope in self._scopes()]
                return plan_mark_scopes(*where, scopes, self.mark, "C1")
            case "mark run":
                state = "failed" if self.mark == "failed" else "success"
                return plan_mark_run(*where, dag, self.runs[0], state, "C1")
            case _:
                return clear.plan_clear(*where, self._scopes(), "C1")

    def _scopes(self) -> list[Scope]:
        tasks = () if self.kind == "clear run" else (self._task(),)
        return [
            Scope(self.shape.dag_id, run, tasks, self.only_failed, self.downstream, self.upstream) for run in self.runs
        ]

    def _task(self) -> tuple[str, int | None]:
        """A task by name; of a mapped one perhaps one index."""
        name, width = list(self.shape.tasks.items())[self.task % len(self.shape.tasks)]
        return name, (self.index % width if width and self.index >= 0 else None)


CHOICES = st.builds(
    Case,
    shape=st.sampled_from(shapes()),
    states=st.lists(st.sampled_from(STATES), min_size=3, max_size=23).map(tuple),
    run_states=st.tuples(*[st.sampled_from(("failed", "success", "running"))] * 2),
    kind=st.sampled_from(("clear", "clear", "clear", "clear run", "mark", "mark run")),
    task=st.integers(0, 6),
    index=st.integers(-2, 3),
    runs=st.sampled_from((RUNS[:1], RUNS[1:], RUNS)),
    only_failed=st.booleans(),
    downstream=st.booleans(),
    upstream=st.booleans(),
    mark=st.sampled_from(("success", "failed", "skipped")),
)


def compared(bench: Bench, case: Case) -> str:
    """Carries the case out and compares; how it went, so that a test can say what it has seen."""
    (airflow,) = bench.services.airflows.values()
    dealt = itertools.cycle(case.states)
    runs = dict(zip(RUNS, case.run_states, strict=True))
    bench.prepared(case.shape.dag_id, lambda _: next(dealt), runs)
    before, runs_before = bench.states.of_all(), bench.states.of_runs()
    plan = case.plan(bench.services, airflow)
    assert bench.states.of_all() == before, "a preview wrote to Airflow"
    if isinstance(plan, Refused):
        return plan.reason
    ended = bench.carried_out(plan)
    assert ended.progress in {Progress.watching, Progress.done}, ended
    after, runs_after = bench.states.of_all(), bench.states.of_runs()
    changed = {ref: (before[ref][0], after[ref][0]) for ref in after if after[ref] != before.get(ref)}
    listed = {
        change.ref: (_none(change.before), _becomes(change.before, change.after))
        for change in plan.changes
        if change.ref
    }
    assert changed == listed, _apart(changed, listed)
    touched = {key for key, state in runs_after.items() if state != runs_before[key]}
    named = {(change.ref.dag_id, change.run_id) for change in plan.changes if change.ref}
    named |= {(change.what.removeprefix("run of "), change.run_id) for change in plan.changes if not change.ref}
    assert touched <= named, "a run changed that the plan does not name"
    for change in plan.changes:
        if change.ref is None:
            assert runs_after[change.what.removeprefix("run of "), change.run_id] == change.after
    return plan.action


def _none(state: str) -> str | None:
    return None if state == "none" else state


def _becomes(before: str, after: str) -> str | None:
    """What Airflow's own column says right after it."""
    if after == RUNS_AGAIN or after.endswith(RUNS_AGAIN):
        return "restarting" if before == "running" else None
    return after


def _apart(changed: dict[Any, Any], listed: dict[Any, Any]) -> dict[str, Any]:
    every = changed.keys() | listed.keys()
    return {f"{ref}": {"changed": changed.get(ref), "listed": listed.get(ref)}
            for ref in every if changed.get(ref, "-") != listed.get(ref, "-")}  # fmt: skip


def test_what_is_listed_is_what_is_changed_and_nothing_else(bench: Bench) -> None:
    """Over random DAGs, states and scopes."""
    _holds_over(bench, CASES[3])


def test_what_is_listed_is_what_is_changed_on_airflow_2_too(bench_2: Bench) -> None:
    """It clears whole tasks, and goes over the run with every mark: `removed` comes back."""
    _holds_over(bench_2, CASES[2])


def test_what_was_removed_comes_back_on_airflow_2_with_any_mark_and_is_listed(bench_2: Bench) -> None:
    """Its `removed` says that the DAG has lost a task; a mark goes over the run, and restores what the DAG has again."""
    shape = next(
        shape for shape in shapes() if not shape.tasks["t0"] and not shape.tasks["t1"] and len(shape.tasks) > 2
    )
    for kind, mark in (("mark", "skipped"), ("mark run", "success"), ("mark run", "failed")):
        states = ("running", "removed", *["success"] * (len(bench_2.states.refs(shape.dag_id)) // 2 - 2))
        case = Case(shape, states, ("failed", "failed"), kind, 0, -1, RUNS[:1], False, False, False, mark)
        assert compared(bench_2, case) == "mark"


def _holds_over(bench: Bench, cases: int) -> None:
    seen: list[str] = []

    @settings(max_examples=cases, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(CHOICES)
    def holds(case: Case) -> None:
        seen.append(compared(bench, case))

    holds()
    done = {action: seen.count(action) for action in ("clear", "mark")}
    assert len(seen) >= cases
    assert min(done.values()) >= cases // 10, (done, [reason for reason in seen if reason not in done][:20])


def test_a_bug_that_executes_one_scope_more_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison must be able to fail: everything behind the list is cleared as well."""
    honest = clear.explicit_scope
    monkeypatch.setattr(clear, "explicit_scope", lambda *given: replace(honest(*given), downstream=True))
    shape = next(shape for shape in shapes() if any(first == "t0" for first, _ in shape.edges))
    case = Case(
        shape, ("success", "failed"), ("failed", "failed"), "clear", 0, -1, RUNS[:1], False, False, False, "success"
    )
    with pytest.raises(AssertionError, match="listed"):
        compared(bench, case)


def test_a_thousand_task_instances_are_previewed_in_time_and_executed_with_progress(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.prepared("shape_wide", lambda _: "failed", dict.fromkeys(RUNS, "failed"))
    (airflow,) = bench.services.airflows.values()
    scope = Scope("shape_wide", "r1", (), only_failed=True)
    alone, _ = seconds_of(lambda: airflow.clear(scope, dry_run=True))
    took, plan = seconds_of(lambda: clear.plan_clear(bench.services, ANA, airflow.name, [scope], "C1"))
    assert isinstance(plan, Plan), plan
    assert len(plan.changes) == WIDTH + 2
    assert took < max(PREVIEW_SECONDS, 2 * alone), (took, alone)  # on a busy machine Airflow itself takes longer
    begun: list[float] = []
    told: list[float] = []

    def timed(*given: Any) -> None:
        begun.append(time.monotonic())
        catalog.act(*given)

    monkeypatch.setattr(carry_out, "act", timed)
    monkeypatch.setattr(carry_out, "show", lambda *_: told.append(time.monotonic()))
    ended = bench.carried_out(plan)
    assert ended.progress is Progress.watching, ended
    assert len(begun) == 1 + WIDTH // clear.BATCH
    moments = [begun[0], *told, time.monotonic()]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert max(gaps) < PROGRESS_SECONDS, gaps
    here = {
        ref: row[0] for ref, row in bench.states.of_all().items() if (ref.dag_id, ref.run_id) == ("shape_wide", "r1")
    }
    assert set(here.values()) == {None}


def test_a_stop_leaves_what_was_not_begun_and_says_exactly_what_that_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.prepared("shape_wide", lambda _: "failed", dict.fromkeys(RUNS, "failed"))
    (airflow,) = bench.services.airflows.values()
    tasks = (("part", None),)
    plan = clear.plan_clear(
        bench.services, ANA, airflow.name, [Scope("shape_wide", "r1", tasks, only_failed=True)], "C1"
    )
    assert isinstance(plan, Plan), plan

    def acts(*given: Any) -> None:
        catalog.act(*given)
        plans.stop(bench.services, Person("U0BEN", "Ben"), plan.id)

    monkeypatch.setattr(carry_out, "act", acts)
    ended = bench.carried_out(plan)
    here = {
        ref: row[0] for ref, row in bench.states.of_all().items() if (ref.dag_id, ref.run_id) == ("shape_wide", "r1")
    }
    cleared = {ref.map_index for ref, state in here.items() if state is None}
    assert cleared == set(range(clear.BATCH))
    assert ended.answer.startswith(
        f"{clear.BATCH} of {WIDTH} were done, {WIDTH - clear.BATCH} were not: Ben stopped it"
    )
    assert f"part[{clear.BATCH}..{WIDTH - 1}]" in ended.answer
