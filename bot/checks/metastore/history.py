"""Reads past runs and tasks from the metastore, for `slow`, `report` and the digest.

`task_instance` has no index on time, so every query starts from the runs that ended in the window (`dag_run`, a tenth
of the size) and reaches their tasks by index. Percentiles are nearest-rank, in SQL that SQLite and PostgreSQL answer
alike. A query that exceeds its time limit is reported as such.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.checks.check import Row, moment
from bot.checks.metastore.connection import Metastore
from bot.core.errors import Permanent, Temporary
from bot.responder.questions import RunSeen, RunTally, TaskDuration, TaskSeen

_SQL = """
select count(*) as ended, coalesce(sum(case when state = 'success' then 1 else 0 end), 0) as succeeded
from (select state, end_date from dag_run order by id desc limit 100000) as newest
where state in ('success', 'failed') and end_date >= :since and end_date < :until"""

MOST_RUNS, MOST_TASKS = 5_000, 20_000
_RANK = "place * 100 >= number * {percent} and (place - 1) * 100 < number * {percent}"
_P50, _P95 = _RANK.format(percent=50), _RANK.format(percent=95)
_SLOW = f"""
with span as (
select dag_id, run_id, case when end_date >= :lately then 1 else 0 end as lately from dag_run
where state in ('success', 'failed') and end_date >= :since),
took as (
select ti.dag_id, ti.task_id, s.lately, ti.duration,
row_number() over (partition by ti.dag_id, ti.task_id, s.lately order by ti.duration) as place,
count(*) over (partition by ti.dag_id, ti.task_id, s.lately) as number
from span s join task_instance ti on ti.dag_id = s.dag_id and ti.run_id = s.run_id
where ti.state = 'success' and ti.duration is not null)
select dag_id, task_id,
max(case when lately = 1 then number else 0 end) as runs, max(case when lately = 0 then number else 0 end) as runs_before,
max(case when lately = 1 and {_P50} then duration end) as p50, max(case when lately = 1 and {_P95} then duration end) as p95,
max(case when lately = 0 and {_P50} then duration end) as p50_before,
max(case when lately = 0 and {_P95} then duration end) as p95_before
from took group by dag_id, task_id having min(lately) = 0 and max(lately) = 1 order by 1, 2 limit :most"""
_RUNS = """
select run_id, state, start_date, end_date from dag_run
where dag_id = :dag and start_date >= :since order by start_date desc, id desc limit :most"""
_TASKS = f"""
with mine as (select run_id from dag_run where dag_id = :dag and start_date >= :since),
ended as (
select ti.task_id, ti.state, ti.try_number, ti.duration,
case when ti.state = 'success' and ti.duration is not null then 1 else 0 end as timed
from mine join task_instance ti on ti.dag_id = :dag and ti.run_id = mine.run_id
where ti.state in ('success', 'failed')),
took as (
select task_id, state, try_number, duration, timed,
row_number() over (partition by task_id, timed order by duration) as place,
count(*) over (partition by task_id, timed) as number from ended)
select task_id, count(*) as ended, sum(case when state = 'failed' then 1 else 0 end) as failed,
sum(case when try_number > 1 then try_number - 1 else 0 end) as retries,
max(case when timed = 1 and {_P50} then duration end) as p50,
max(case when timed = 1 and {_P95} then duration end) as p95
from took group by task_id order by task_id limit :most"""


class MetastoreHistory:
    """`bot.responder.questions.History` for one deployment."""

    source = "metastore"

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def slow(self, since: datetime, lately: datetime) -> list[TaskDuration]:
        rows = self._ask(_SLOW, since=since, lately=lately, most=MOST_TASKS)
        return [
            TaskDuration(row["dag_id"], row["task_id"], int(row["runs"]), float(row["p50"]), float(row["p95"]),
                 int(row["runs_before"]), float(row["p50_before"]), float(row["p95_before"]))
            for row in rows
        ]  # fmt: skip

    def runs(self, dag_id: str, since: datetime) -> list[RunSeen]:
        return [_run(row) for row in self._ask(_RUNS, dag=dag_id, since=since, most=MOST_RUNS)]

    def tasks(self, dag_id: str, since: datetime) -> list[TaskSeen]:
        rows = self._ask(_TASKS, dag=dag_id, since=since, most=MOST_TASKS)
        return [
            TaskSeen(row["task_id"], int(row["ended"]), int(row["failed"]), int(row["retries"]),
                     _seconds(row["p50"]), _seconds(row["p95"]))
            for row in rows
        ]  # fmt: skip

    def close(self) -> None:
        self._metastore.close()

    def _ask(self, sql: str, **values: Any) -> list[Row]:
        try:
            return list(self._metastore.rows(sql, **values))
        except (Temporary, Permanent) as error:
            if "timeout" in error.message and "statement" in error.message:
                raise Temporary("The metastore was not kept busy for longer: the question took too long.") from error
            raise


def _run(row: Row) -> RunSeen:
    began, ended = moment(row["start_date"]), moment(row["end_date"])
    over = row["state"] in {"success", "failed"} and began is not None and ended is not None
    seconds = max(0.0, (ended - began).total_seconds()) if over and began and ended else None
    return RunSeen(row["run_id"], row["state"] or "none", began, seconds)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class MetastoreTally:
    """`bot.responder.questions.Tally` for one deployment."""

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def __call__(self, since: datetime, until: datetime) -> RunTally:
        (row,) = self._metastore.rows(_SQL, since=since, until=until)
        return RunTally(int(row["ended"]), int(row["succeeded"]))
