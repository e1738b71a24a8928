"""What the contract tests stand on: a real Airflow of either major, its gateway, and runs of the demo DAGs that ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import pytest

from bot.airflow.gateway import Gateway, GatewayConfig, connect
from bot.core.airflow.protocol import Run, TaskInstance, TaskRef
from bot.core.errors import Temporary

if TYPE_CHECKING:
    from tests.stacks import RunningAirflow

DAG = "sales_daily"  # extract → load (its first try fails) → publish
MAPPED = "customers_import"  # import_region over eight regions, of which "de" (3) and "it" (6) fail
BACKLOAD = "backload_orders"  # read_orders → load.lines, working days at 04:30, with params; always succeeds
ENDED = {"success", "failed"}

Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen], wanted: Callable[[Seen], bool], seconds: float = 150) -> Seen:
    until = time.monotonic() + seconds
    while True:
        try:
            if wanted(seen := look()):
                return seen
            found: object = seen
        except Temporary as error:  # a cold API server stands still for seconds while its first task starts
            found = error
        assert time.monotonic() < until, f"still {found!r} after {seconds} s"
        time.sleep(0.3)


def labels(found: list[TaskInstance]) -> set[tuple[str, str]]:
    return {(one.ref.label, one.state) for one in found}


class Live:
    """Fixtures for a class of promises. The class says which Airflow it asks by its `stack`."""

    @pytest.fixture(scope="class")
    @classmethod
    def stack(cls) -> RunningAirflow:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def airflow(cls, stack: RunningAirflow) -> Iterator[Gateway]:
        gateway = connect(GatewayConfig("test", stack.url, stack.username, stack.password, timeout=60.0))
        paused = {dag_id: cls._there(gateway, dag_id) for dag_id in (DAG, MAPPED, BACKLOAD)}
        for dag_id in paused:
            gateway.pause(dag_id, False)
        yield gateway
        for dag_id, was_paused in paused.items():
            gateway.pause(dag_id, was_paused)
        gateway.close()

    @pytest.fixture(scope="class")
    @classmethod
    def failed_run(cls, airflow: Gateway) -> Run:
        return cls._ended_run(airflow, DAG)

    @pytest.fixture(scope="class")
    @classmethod
    def mapped_run(cls, airflow: Gateway) -> Run:
        return cls._ended_run(airflow, MAPPED)

    @classmethod
    def _there(cls, airflow: Gateway, dag_id: str) -> bool:
        dag = wait_for(lambda: airflow.dag(dag_id), lambda dag: dag is not None)
        assert dag is not None
        return dag.is_paused

    @classmethod
    def _ended_run(cls, airflow: Gateway, dag_id: str) -> Run:
        run_id = f"contract__{uuid.uuid4().hex[:8]}+1:a"
        airflow.trigger(dag_id, run_id, {"asked": "by the contract"}, note="contract")
        run = wait_for(lambda: airflow.run(dag_id, run_id), lambda run: run is not None and run.state in ENDED)
        assert run is not None
        assert run.state == "failed", run
        return run

    def _state(self, airflow: Gateway, ref: TaskRef) -> TaskInstance:
        found = airflow.task_instance(ref)
        assert found is not None
        return found
