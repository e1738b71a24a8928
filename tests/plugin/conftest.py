"""A fresh plugin for each test: nothing remembered, a spool and a receiver of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.plugin import windsock_airflow as plugin
from tests.plugin.receiver import TOKEN, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as door:
        yield door


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(autouse=True)
def _at_home(receiver: Receiver, spool: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WINDSOCK_URL", receiver.url)
    monkeypatch.setenv("WINDSOCK_TOKEN", TOKEN)
    monkeypatch.setenv("WINDSOCK_DEPLOYMENT", "test")
    monkeypatch.setenv("WINDSOCK_SPOOL", str(spool))
    plugin._forget()
    yield
    courier = plugin._process.courier
    if courier is not None:
        courier.flush(1.0)
    plugin._forget()


def waiting_files(spool: Path, ending: str = ".json") -> list[Path]:
    """What lies in the spool, oldest first."""
    return sorted(path for path in spool.glob(f"*{ending}")) if spool.exists() else []


class Enum(str):
    """Airflow's states: a string that carries a `value`."""

    @property
    def value(self) -> str:
        return str.__str__(self)


def task(**changes: Any) -> Any:
    dag = SimpleNamespace(tags={"critical", "nightly"}, dag_id="sales_daily")
    return SimpleNamespace(owner="data-eng", task_type="PythonOperator", pool="default_pool", queue="default", dag=dag)


ASKED: list[str] = []


class MappedColumn:
    """An ORM column: what is not loaded asks the database."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, thing: Any, _owner: type) -> Any:
        if thing is not None:
            ASKED.append(self.name)


class ClassicTask:
    """A task instance as Airflow 2 has it: a mapped object with loaded values, lazy ones, and `log_url` as property."""

    duration = MappedColumn("duration")
    trigger = MappedColumn("trigger")
    execution_date = MappedColumn("execution_date")
    start_date = MappedColumn("start_date")
    end_date = MappedColumn("end_date")
    dag_run = MappedColumn("dag_run")

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(
            _sa_instance_state=object(),
            dag_id="sales_daily",
            run_id="scheduled__2026-11-22T05:00:00+00:00",
            task_id="load",
            map_index=-1,
            try_number=3,
            max_tries=2,
            state=Enum("failed"),
            operator="PythonOperator",
            hostname="worker-3",
            pool="default_pool",
            queue="default",
            pid=4711,
            task=task(),
        )
        self.__dict__.update(values)

    @property
    def log_url(self) -> str:
        ASKED.append("log_url")  # Airflow 2 makes the link from the run
        return ""


class RuntimeTask:
    """A task instance as Airflow 3's task process has it: no mapped object, and half of the attributes missing."""

    def __init__(self, **values: Any) -> None:
        self.dag_id, self.run_id, self.task_id = "sales_daily", "manual__1", "load"
        self.map_index, self.try_number, self.max_tries = 7, 1, 3
        self.state, self.hostname, self.task = Enum("up_for_retry"), "worker-3", task()
        self.__dict__.update(values)

    @property
    def log_url(self) -> str:
        return "http://airflow/dags/sales_daily/runs/manual__1/tasks/load/mapped/7?try_number=1"


def run(**values: Any) -> Any:
    """A DAG run as the scheduler has it."""
    given: dict[str, Any] = {
        "_sa_instance_state": object(),
        "dag_id": "sales_daily",
        "run_id": "manual__1",
        "_state": "failed",
        "run_type": "manual",
        "dag": SimpleNamespace(tags=["critical"]),
    }
    return SimpleNamespace(**{**given, **values})


def die(code: int = 0) -> None:
    """End a forked child the way Airflow's task processes end."""
    os._exit(code)
