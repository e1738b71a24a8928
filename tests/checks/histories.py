"""A metastore by hand that also has runs, the history of tries and the audit log, with Airflow's own indexes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.checks.worlds import World

_TABLES = (
    """create table dag_run (id integer primary key, dag_id varchar(250), run_id varchar(250), state varchar(50),
run_type varchar(50), {date} {time}, start_date {time}, end_date {time}, unique (dag_id, run_id))""",
    """create table task_instance_history (dag_id varchar(250), task_id varchar(250), run_id varchar(250),
map_index integer, try_number integer, max_tries integer, state varchar(20), hostname varchar(1000), pid integer,
operator varchar(1000), pool varchar(256), queue varchar(256), start_date {time}, end_date {time},
duration double precision{job}, unique (dag_id, task_id, run_id, map_index, try_number))""",
    """create table log (id integer primary key, dttm {time}, dag_id varchar(250), task_id varchar(250),
run_id varchar(250), map_index integer, try_number integer, event varchar(60), owner varchar(500), extra text)""",
    "create table dag (dag_id varchar(250) primary key, owners varchar(2000))",
    "create table dag_tag (name varchar(100), dag_id varchar(250), primary key (name, dag_id))",
    "create index idx_tih_dag_run on task_instance_history (dag_id, run_id)",
    "create unique index ti_key on task_instance (dag_id, task_id, run_id, map_index)",
    "create index ti_dag_run on task_instance (dag_id, run_id)",
    "create index ti_dag_state on task_instance (dag_id, state)",
    "create index ti_state on task_instance (state)",
    "create index idx_log_dttm on log (dttm)",
    "create index idx_log_event on log (event)",
    "create index dag_id_state on dag_run (dag_id, state)",
    "create index idx_dag_run_running_dags on dag_run (state, dag_id) where state = 'running'",
)
DAG, RUN, HOST = "features_train", "manual__1", "worker-3"


class History(World):
    """A World in which things end. Ages are seconds before now; a task is of `DAG` and `RUN` unless said otherwise."""

    whole = False  # its runs and DAGs have columns of their own

    def __init__(self, url: str, major: int) -> None:
        self._number, self._began = 0, datetime.now(UTC)
        super().__init__(url, major)
        time = "timestamp with time zone" if url.startswith("postgresql") else "timestamp"
        shape = {
            2: {"date": "execution_date", "job": ", job_id integer"},
            3: {"date": "logical_date", "job": ""},
        }[major]
        for table in ("dag_run", "dag"):
            self.do(f"drop table if exists {table}")  # the World's own have other columns
        for statement in _TABLES:
            self.do(statement.format(time=time, **shape))
        self.do("insert into dag (dag_id, owners) values (:dag, 'ml')", dag=DAG)
        self.do("insert into dag_tag (name, dag_id) values ('tier:1', :dag)", dag=DAG)

    def run(  # type: ignore[override]
        self, state: str = "running", ended: float | None = None, run_id: str = RUN, dag_id: str = DAG
    ) -> None:
        self._number += 1
        self._insert("dag_run", id=self._number, dag_id=dag_id, run_id=run_id, state=state, run_type="manual",
                     start_date=self.ago(9000), end_date=None if ended is None else self.ago(ended))  # fmt: skip

    def task(self, task_id: str = "fit", state: str = "failed", ended: float | None = 30, beat: float | None = None,
             **changed: Any) -> None:  # fmt: skip
        """A task instance; `beat` is when its last heartbeat was."""
        values = self._values(task_id, state, ended) | changed
        if beat is not None and self.major == 3:
            values["last_heartbeat_at"] = self.ago(beat)
        if beat is not None and self.major == 2:
            values["job_id"] = self._beating_job(beat)
        self._insert("task_instance", **values)

    def past_try(self, task_id: str = "fit", ended: float = 30, **changed: Any) -> None:
        self._insert("task_instance_history", **self._values(task_id, "failed", ended) | changed)

    def logged(self, event: str, age: float = 30, task_id: str = "fit", **changed: Any) -> None:
        self._number += 1
        values = {"id": self._number, "dttm": self.ago(age), "event": event, "dag_id": DAG, "run_id": RUN,
                  "task_id": task_id, "map_index": -1, "try_number": 1, "owner": "ml"}  # fmt: skip
        self._insert("log", **values | changed)

    def marked(self, owner: str, age: float = 30, task_id: str = "fit") -> None:
        """Somebody asked the API to set the task to failed."""
        said = json.dumps({"new_state": "failed", "method": "PATCH"})
        name = "patch_task_instance" if self.major == 3 else "api.patch_task_instance"
        self.logged(name, age, task_id, owner=owner, extra=said, map_index=None, try_number=None)

    def moment(self, seconds: float) -> datetime:
        """Counted from when the world was made: two looks at the same age are the same moment."""
        return self._began - timedelta(seconds=seconds)

    def ago(self, seconds: float) -> Any:
        at = self.moment(seconds)
        return at if self.url.startswith("postgresql") else at.replace(tzinfo=None).isoformat(" ", "microseconds")

    def fill(self, runs: int, tasks: int = 10) -> None:
        """Many ended runs over ninety days with their tasks and events (PostgreSQL only); the planner is told of them."""
        self._number += runs
        date = "logical_date" if self.major == 3 else "execution_date"
        self.do(f"insert into dag_run (id, dag_id, run_id, state, run_type, {date}, start_date, end_date) select n, "
                "'d' || n % 100, 'r' || n, case when n % 50 = 0 then 'failed' else 'success' end, 'scheduled', t, t, t "
                "from (select n, now() - interval '90 days' * n / :runs - interval '1 hour' as t "
                "from generate_series(1, :runs) n) s", runs=runs)  # fmt: skip
        names = "dag_id, task_id, run_id, map_index, try_number, max_tries, state, hostname, start_date, end_date"
        rows = ("select r.dag_id, 't' || k, r.run_id, -1, 1, 1, case when r.state = 'failed' and k = 1 then 'failed' else "
                "'success' end, 'worker-1', r.start_date, r.end_date from dag_run r, generate_series(1, :tasks) k")  # fmt: skip
        self.do(f"insert into task_instance ({names}) {rows}", tasks=tasks)
        self.do(f"insert into task_instance_history ({names}) {rows} where k = 1", tasks=1)
        self.do("insert into log (id, dttm, dag_id, task_id, run_id, map_index, try_number, event) select "
                "row_number() over (), end_date, dag_id, task_id, run_id, -1, 1, state from task_instance")  # fmt: skip
        self._number += runs * tasks
        for table in ("dag_run", "task_instance", "task_instance_history", "log"):
            self.do(f"analyze {table}")

    def _beating_job(self, beat: float) -> int:
        self._number += 1
        self.job("LocalTaskJob", beat, self._number, "failed")
        return self._number

    def _values(self, task_id: str, state: str, ended: float | None) -> dict[str, Any]:
        return {
            "dag_id": DAG, "run_id": RUN, "task_id": task_id, "map_index": -1, "try_number": 1, "max_tries": 0,
            "state": state, "hostname": HOST, "pid": 2281, "start_date": self.ago(3000),
            "end_date": None if ended is None else self.ago(ended), "duration": 12.5,
        }  # fmt: skip

    def _insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        self.do(f"insert into {table} ({names}) values ({', '.join(f':{name}' for name in values)})", **values)
