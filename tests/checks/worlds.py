"""Small metastores in the shapes of both majors, made by hand, and a memory for sweeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import create_engine, text

from bot.checks.check import Check, Finding
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Sweep

_TASK = """create table task_instance ({own} dag_id varchar(250), task_id varchar(250), run_id varchar(250),
map_index integer, try_number integer, max_tries integer, state varchar(20), hostname varchar(1000), pid integer,
operator varchar(1000), pool varchar(256), queue varchar(256), start_date {time}, end_date {time},
duration double precision, queued_dttm {time}, pool_slots integer default 1{heartbeat})"""
_JOB = """create table job (id integer primary key, dag_id varchar(250), state varchar(20), job_type varchar(30),
latest_heartbeat {time}, hostname varchar(500))"""
_RUN = """create table dag_run (id integer primary key, dag_id varchar(250), run_id varchar(250), state varchar(50),
run_type varchar(50), queued_at {time}, start_date {time}, end_date {time}, data_interval_end {time},
clear_number integer default 0{due})"""
_POOL = (
    """create table slot_pool (id integer primary key, pool varchar(256), slots integer, include_deferred boolean)"""
)
_DAG = """create table dag (dag_id varchar(250) primary key, is_paused boolean, last_parsed_time {time}, {stale} boolean)"""
_XCOM = """create table xcom (dag_run_id integer, task_id varchar(250), map_index integer, key varchar(512),
dag_id varchar(250), run_id varchar(250), value {value})"""
_IMPORT = """create table import_error (id integer primary key, filename varchar(1024), stacktrace text,
timestamp {time}{bundle})"""
STACKTRACE = """Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "{path}", line 7, in <module>
    from finance.rates import fx_rate
ImportError: cannot import name 'fx_rate' from 'finance.rates'
"""


class World:
    """A metastore of one major behind a SQLAlchemy address; ages are in seconds before now. One that is not `whole` has the
    tables of task instances, jobs and import errors only."""

    whole = True

    def __init__(self, url: str, major: int) -> None:
        self.url, self.major = url, major
        self._engine = create_engine(url)
        time = "timestamp with time zone" if url.startswith("postgresql") else "timestamp"
        shape = (
            {
                "own": "id varchar(36),",
                "heartbeat": f", last_heartbeat_at {time}",
                "bundle": ", bundle_name varchar(250)",
            }
            if major == 3
            else {"own": "", "heartbeat": ", job_id integer", "bundle": ", processor_subdir varchar(2000)"}
        )
        postgres = url.startswith("postgresql")
        shape["due"] = f", run_after {time}" if major == 3 else ""
        shape["stale"] = "is_stale" if major == 3 else "is_active"
        shape["value"] = {2: "bytea", 3: "jsonb"}[major] if postgres else {2: "blob", 3: "json"}[major]
        for statement in (_TASK, _JOB, _IMPORT, *((_RUN, _POOL, _DAG, _XCOM) if self.whole else ())):
            self.do(statement.format(time=time, **shape))

    def do(self, statement: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), values)

    def close(self) -> None:
        self._engine.dispose()

    def ago(self, seconds: float) -> Any:
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        # Airflow's SQLite metastore keeps naive UTC text
        return moment if self.url.startswith("postgresql") else moment.replace(tzinfo=None).isoformat(" ")

    def job(self, kind: str, age: float, number: int | None = None, state: str = "running") -> None:
        self.do(
            "insert into job (id, state, job_type, latest_heartbeat, hostname) values (:id, :state, :kind, :at, 'h')",
            id=number or abs(hash((kind, age))) % 10_000_000,
            state=state,
            kind=kind,
            at=self.ago(age),
        )

    def running_task(self, task_id: str, beat: float | None, started: float = 4000, map_index: int = -1) -> None:
        """A running task instance whose last heartbeat is `beat` seconds old (None: it never beat)."""
        number = abs(hash((task_id, map_index))) % 10_000_000
        if self.major == 2 and beat is not None:
            self.job("LocalTaskJob", beat, number)
        own = {2: ("job_id", number), 3: ("last_heartbeat_at", None if beat is None else self.ago(beat))}[self.major]
        self.do(
            "insert into task_instance (dag_id, task_id, run_id, map_index, try_number, max_tries, state, hostname, "
            f"start_date, {own[0]}) values ('features_train', :task, 'manual__1', :map, 1, 2, 'running', 'worker-3', "
            ":start, :own)",
            task=task_id,
            map=map_index,
            start=self.ago(started),
            own=own[1],
        )

    def queued_task(self, task_id: str, waits: float) -> None:
        """A task instance that was handed to the executor `waits` seconds ago."""
        self.do(
            "insert into task_instance (dag_id, task_id, run_id, map_index, try_number, max_tries, state, queue, queued_dttm) "
            "values ('features_train', :task, 'manual__1', -1, 1, 0, 'queued', 'gpu', :at)",
            task=task_id,
            at=self.ago(waits),
        )

    def row(self, table: str, **values: Any) -> None:
        """One row; a float whose column is a time is its age in seconds."""
        given = {name: self.ago(value) if isinstance(value, float) else value for name, value in values.items()}
        holes = ", ".join(f":{name}" for name in given)
        self.do(f"insert into {table} ({', '.join(given)}) values ({holes})", **given)

    def task(self, task_id: str, state: str, **values: Any) -> None:
        """A task instance of `features_train` in the run `manual__1`, in the default pool."""
        given = {"dag_id": "features_train", "run_id": "manual__1", "map_index": -1, "try_number": 1, "max_tries": 0,
                 "pool": "default_pool", "queue": "default", "pool_slots": 1} | values  # fmt: skip
        self.row("task_instance", task_id=task_id, state=state, **given)

    def run(
        self, number: int, dag_id: str = "orders", state: str = "success", due: float = 60.0, **values: Any
    ) -> None:
        """A scheduled run that was due `due` seconds ago, made and ended at once unless said otherwise."""
        given = {
            "run_type": "scheduled",
            "queued_at": due,
            "start_date": due,
            "end_date": due,
            "clear_number": 0,
        } | values
        given |= {"run_after" if self.major == 3 else "data_interval_end": due}
        self.row("dag_run", id=number, dag_id=dag_id, run_id=f"scheduled__{number}", state=state, **given)

    def pool(self, name: str, slots: int, include_deferred: bool = False) -> None:
        self.row(
            "slot_pool", id=abs(hash(name)) % 10_000_000, pool=name, slots=slots, include_deferred=include_deferred
        )

    def dag(self, dag_id: str, parsed: float, paused: bool = False, gone: bool = False) -> None:
        """A DAG whose file was read `parsed` seconds ago."""
        alive = {"is_stale": gone} if self.major == 3 else {"is_active": not gone}
        self.row("dag", dag_id=dag_id, is_paused=paused, last_parsed_time=parsed, **alive)

    def xcom(self, run: int, task_id: str, octets: int, key: str = "return_value") -> None:
        """An XCom so large, of letters that do not pack well."""
        text = "".join(chr(97 + (n * n * 7 + n // 3) % 26) for n in range(octets - 2))
        value: Any = json.dumps(text) if self.major == 3 else text.encode() + b"ab"
        cast = "cast(:value as jsonb)" if self.major == 3 and self.url.startswith("postgresql") else ":value"
        self.do(
            "insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value) "
            f"values (:run, :task, -1, :key, 'orders', 'r', {cast})",
            run=run, task=task_id, key=key, value=value,
        )  # fmt: skip

    def broken_file(self, path: str, number: int = 1) -> None:
        bundle = "bundle_name" if self.major == 3 else "processor_subdir"
        absolute = path if path.startswith("/") else f"/opt/airflow/dags/{path}"
        self.do(
            f"insert into import_error (id, filename, stacktrace, timestamp, {bundle}) "
            "values (:id, :path, :trace, :at, 'dags-folder')",
            id=number,
            path=path,
            trace=STACKTRACE.format(path=absolute),
            at=self.ago(1),
        )


class Memory:
    """What a sweep remembers, as JSON, the way a store would keep it."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        return json.loads(self.kept[key]) if key in self.kept else None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        self.kept[key] = json.dumps(value)


def found(metastore: Metastore, check: Check) -> list[Finding]:
    (result,) = Sweep((check,), metastore, "prod", lambda _: None, Memory()).run()
    assert result.error is None
    return list(result.findings)


def said(metastore: Metastore, check: Check) -> list[str]:
    return [finding.sentence for finding in found(metastore, check)]
