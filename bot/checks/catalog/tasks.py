"""Is a task marked running whose process is gone, or that runs much too long? Reads the running task instances.

2.x keeps the heartbeat with the job that supervises the task, 3.x with the task instance itself; for a task that never
sent one, its start counts. There is one finding per task instance, with the host, so that a lost machine shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks.check import Check, Finding, Row, Snapshot, age
from bot.core.dates import span

_COLUMNS = """ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, ti.hostname, ti.pid,
ti.operator, ti.pool, ti.queue, ti.start_date"""


def _judge(check: Check, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        silent = age(row["heartbeat"] or row["start_date"], snapshot.now) or 0.0
        label = row["task_id"] if row["map_index"] < 0 else f"{row['task_id']}[{row['map_index']}]"
        facts = dict(row) | {
            "label": label,
            "seconds": round(silent),
            "silent": span(silent, fine=True),
            "ran": span(age(row["start_date"], snapshot.now) or 0.0, fine=True),
            "limit": span(check.threshold),
            "host": row["hostname"] or "a host that it never named",
        }
        found.append(check.finding(facts))
    return found


STALE_HEARTBEATS = Check(
    name="stale-heartbeats",
    title="Every running task beats",
    subject="task instance",
    sql={
        2: f"""
select {_COLUMNS}, j.latest_heartbeat as heartbeat
from task_instance ti left join job j on j.id = ti.job_id
where ti.state = 'running' and coalesce(j.latest_heartbeat, ti.start_date) < :since
order by 1, 2, 3, 4 limit :most""",
        3: f"""
select {_COLUMNS}, ti.last_heartbeat_at as heartbeat
from task_instance ti
where ti.state = 'running' and coalesce(ti.last_heartbeat_at, ti.start_date) < :since
order by 1, 2, 3, 4 limit :most""",
    },
    threshold=300,
    unit="s",
    severity="error",
    key="{dag_id}.{label}@{run_id}",
    sick="{dag_id}.{label} runs without a heartbeat for {silent} (limit {limit}) on {host}.",
    well="{dag_id}.{label} is no longer running without a heartbeat ({lasted}).",
    runbook="zombie-tasks",
    judge=_judge,
)

_LONG = """
select ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, ti.hostname, ti.operator, ti.pool, ti.queue,
ti.start_date
from task_instance ti
where ti.state = 'running' and ti.start_date < :since
order by 1, 2, 3, 4 limit :most"""


def _judge_long(check: Check, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        ran = age(row["start_date"], snapshot.now) or 0.0
        label = row["task_id"] if row["map_index"] < 0 else f"{row['task_id']}[{row['map_index']}]"
        facts = {
            "ran": span(ran, fine=True),
            "limit": span(check.threshold),
            "host": row["hostname"] or "a host that it never named",
        }
        found.append(check.finding({**facts, **row, "label": label, "seconds": round(ran)}))
    return found


LONG_RUNNING = Check(
    name="long-running",
    title="No task runs for hours",
    subject="task instance",
    sql={2: _LONG, 3: _LONG},
    threshold=7200,
    unit="s",
    severity="warning",
    key="{dag_id}.{label}@{run_id}",
    sick="{dag_id}.{label} has been running for {ran} (limit {limit}) on {host}.",
    well="{dag_id}.{label} is no longer running ({lasted} over the limit).",
    runbook="long-running",
    judge=_judge_long,
)
