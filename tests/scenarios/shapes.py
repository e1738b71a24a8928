"""Twenty DAGs of random shapes in one file, and their task instances set to any state by SQL.

Hard case: Airflow keeps the history of every try under its number, so that each case must count a try further. Rule: the DAGs
are paused, so that nothing moves but what is asked for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from bot.core.airflow.protocol import TaskRef
from tests.stacks import RunningAirflow

SHAPES = 20
RUNS = ("r1", "r2")
STATES = (None, "success", "success", "success", "failed", "failed", "failed", "upstream_failed", "skipped", "running",
          "queued", "scheduled", "up_for_retry", "up_for_reschedule", "deferred", "removed")  # fmt: skip
_FILE = '''"""DAGs of random shapes: each runs nothing, ever; their states are set from outside."""

import json
from datetime import datetime

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

SHAPES = json.loads("""{shapes}""")


def made(name, width):
    @task(task_id=name)
    def nothing(number=0):
        return None

    return nothing.expand(number=list(range(width))) if width else nothing()


for dag_id, shape in SHAPES.items():
    with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1), catchup=False, is_paused_upon_creation=True) as dag:
        there = {{name: made(name, width) for name, width in shape["tasks"].items()}}
        for first, then in shape["edges"]:
            there[first] >> there[then]
    globals()[dag_id] = dag
'''


@dataclass(frozen=True)
class Shape:
    """One DAG: how many indexes each task has (0: not mapped), and what comes before what."""

    dag_id: str
    tasks: Mapping[str, int]
    edges: Sequence[tuple[str, str]]


def shapes(seed: int = 20_261_122) -> list[Shape]:
    """Always the same ones."""
    dice = random.Random(seed)
    return [_shape(f"shape_{number:02}", dice) for number in range(SHAPES)]


def wide(width: int) -> Shape:
    return Shape("shape_wide", {"start": 0, "part": width, "end": 0}, [("start", "part"), ("part", "end")])


def _shape(dag_id: str, dice: random.Random) -> Shape:
    names = [f"t{number}" for number in range(dice.randint(2, 7))]
    tasks = {name: dice.choice((0, 0, 0, 2, 3, 4)) for name in names}
    pairs = [(first, then) for at, first in enumerate(names) for then in names[at + 1 :]]
    return Shape(dag_id, tasks, [pair for pair in pairs if dice.random() < 0.4])


def install(folder: Path, every: Sequence[Shape]) -> None:
    """Writes the DAG file."""
    rows = {shape.dag_id: {"tasks": shape.tasks, "edges": shape.edges} for shape in every}
    (folder / "shapes.py").write_text(_FILE.format(shapes=json.dumps(rows)))


Row = tuple[Any, ...]


class States:
    """The task instances and the runs, as the metastore has them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, dag_id: str, states: Mapping[TaskRef, str | None], runs: Mapping[str, str], number: int) -> None:
        """Sets every task instance and run of a DAG; `number` grows from case to case."""
        rows = [
            {"dag": ref.dag_id, "run": ref.run_id, "task": ref.task_id, "index": ref.map_index, "state": state,
             "number": number}
            for ref, state in states.items()
        ]  # fmt: skip
        with self._engine.begin() as t:
            t.execute(text("update task_instance set state = :state, try_number = :number, max_tries = :number + 100,"
                           " start_date = now(), end_date = now() where dag_id = :dag and run_id = :run"
                           " and task_id = :task and map_index = :index"), rows)  # fmt: skip
            t.execute(text("update dag_run set state = :state where dag_id = :dag and run_id = :run"),
                      [{"dag": dag_id, "run": run, "state": state} for run, state in runs.items()])  # fmt: skip

    def end(self) -> None:
        """Nothing of it is failed or at work any more: who looks for failures in this Airflow afterwards finds none."""
        with self._engine.begin() as t:
            for table in ("task_instance", "dag_run"):
                t.execute(text(f"update {table} set state = 'success' where dag_id like 'shape!_%' escape '!'"))

    def refs(self, dag_id: str) -> list[TaskRef]:
        with self._engine.connect() as t:
            found = t.execute(text("select dag_id, run_id, task_id, map_index from task_instance where dag_id = :dag"),
                              {"dag": dag_id})  # fmt: skip
            return sorted(TaskRef(*row) for row in found)

    def of_all(self) -> dict[TaskRef, Row]:
        """Every task instance there is: its state, and what changes whenever it is touched (a clear gives a new id on
        Airflow 3)."""
        touched = "coalesce(to_jsonb(ti)->>'id', updated_at::text)"
        columns = f"dag_id, run_id, task_id, map_index, state, max_tries, try_number, {touched}"
        with self._engine.connect() as t:
            found = t.execute(text(f"select {columns} from task_instance ti"))
            return {TaskRef(*row[:4]): tuple(row[4:]) for row in found}

    def of_runs(self) -> dict[tuple[str, str], str]:
        with self._engine.connect() as t:
            return {(row[0], row[1]): row[2] for row in t.execute(text("select dag_id, run_id, state from dag_run"))}

    def widen(self, dag_id: str, run_id: str, task_id: str, width: int) -> None:
        """Gives a mapped task so many indexes, by copying its first."""
        same = {"dag": dag_id, "run": run_id, "task": task_id}
        with self._engine.begin() as t:
            columns = [row[0] for row in t.execute(text(
                "select column_name from information_schema.columns where table_name = 'task_instance'"
                " and column_name not in ('id', 'map_index')"))]  # fmt: skip
            names = ", ".join(columns)
            t.execute(text(f"insert into task_instance (id, map_index, {names}) select gen_random_uuid(), n, {names}"
                           " from task_instance, generate_series(1, :last) as n where dag_id = :dag and run_id = :run"
                           " and task_id = :task and map_index = 0 on conflict do nothing"),
                      same | {"last": width - 1})  # fmt: skip


@contextmanager
def installed(airflow: RunningAirflow, folder: Path, every: Sequence[Shape]) -> Iterator[States]:
    """The DAGs in a running Airflow, with their runs, none of which ever moves by itself."""
    install(folder, every)
    airflow.rest.wait_for_dags(*(shape.dag_id for shape in every), seconds=120)
    engine = create_engine(airflow.metastore_url)
    states = States(engine)
    try:
        there = states.of_runs()
        for shape in every:
            for run in RUNS:
                if (shape.dag_id, run) not in there:
                    airflow.rest.trigger(shape.dag_id, run_id=run, unpause=False)
        yield states
    finally:
        states.end()
        engine.dispose()
        (folder / "shapes.py").unlink(missing_ok=True)
