"""Is a task queued that no worker takes, how many are queued, and how long did started tasks wait?

A full pool is a different problem: a task that waits for a slot is `scheduled`; one that is `queued` has its slot and
was handed to the executor. Waiting tasks are found by state and recently started ones by the newest runs, so no query
reads the whole table.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from bot.checks.check import Check, Finding, Row, Snapshot, age, moment
from bot.core.dates import span

_SQL = """
select ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, ti.operator, ti.pool, ti.queue,
ti.queued_dttm
from task_instance ti
where ti.state = 'queued' and ti.queued_dttm < :since
order by 1, 2, 3, 4 limit :most"""


def _judge(check: Check, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        waits = age(row["queued_dttm"], snapshot.now) or 0.0
        label = row["task_id"] if row["map_index"] < 0 else f"{row['task_id']}[{row['map_index']}]"
        facts = dict(row) | {
            "label": label,
            "seconds": round(waits),
            "waits": span(waits, fine=True),
            "limit": span(check.threshold),
            "queue": row["queue"] or "default",
            "pool": row["pool"] or "default_pool",
        }
        found.append(check.finding(facts))
    return found


STUCK_QUEUED = Check(
    name="stuck-queued",
    title="What is queued is started",
    subject="task instance",
    sql={2: _SQL, 3: _SQL},
    threshold=600,
    unit="s",
    severity="warning",
    key="{dag_id}.{label}@{run_id}",
    sick="{dag_id}.{label} is queued for {waits} (limit {limit}) and no worker takes it: queue {queue}, pool {pool}.",
    well="{dag_id}.{label} is no longer stuck in the queue ({lasted}).",
    runbook="stuck-queued",
    judge=_judge,
)

_DEPTH = """
select coalesce(ti.queue, 'default') as queue, count(*) as depth from task_instance ti
where ti.state = 'queued' group by coalesce(ti.queue, 'default') order by 2 desc, 1 limit :most"""


def _judge_depth(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    depth = sum(int(row["depth"]) for row in rows)
    if depth <= check.threshold:
        return []
    facts = {"depth": depth, "longest": rows[0]["queue"], "in_longest": int(rows[0]["depth"]), "limit": check.threshold}
    return [check.finding({**facts, "name": "queued"})]


QUEUE_DEPTH = Check(
    name="queue-depth",
    title="The queue is short",
    subject="executor",
    sql={2: _DEPTH, 3: _DEPTH},
    threshold=200,
    unit="task instances",
    severity="warning",
    key="{name}",
    sick="{depth} task instances are queued (limit {limit:g}), {in_longest} of them in queue {longest}.",
    well="The queue is short again after {lasted}.",
    runbook="queue-depth",
    judge=_judge_depth,
)

_FEWEST = 20  # task instances that started; a percentile of fewer means nothing
_WAITED = """
select ti.queued_dttm, ti.start_date from (
select dag_id, run_id from (select dag_id, run_id from dag_run order by id desc limit 2000) as newest
union select dag_id, run_id from dag_run where state = 'running') as lately
join task_instance ti on ti.dag_id = lately.dag_id and ti.run_id = lately.run_id
where ti.start_date >= :hour and ti.queued_dttm is not null order by ti.start_date desc limit 5000"""


def _judge_wait(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    """Judges the 95th percentile (nearest rank) of the waits of tasks that started within the hour. A retry keeps its
    first start time, so it is left out."""
    pairs = [(moment(row["queued_dttm"]), moment(row["start_date"])) for row in rows]
    waits = sorted((start - queued).total_seconds() for queued, start in pairs if queued and start and start >= queued)
    if len(waits) < _FEWEST:
        return []
    p95 = waits[ceil(0.95 * len(waits)) - 1]
    if p95 <= check.threshold:
        return []
    facts = {
        "p95": span(p95, fine=True),
        "slowest": span(waits[-1], fine=True),
        "started": len(waits),
        "seconds": round(p95),
    }
    return [check.finding({**facts, "limit": span(check.threshold), "name": "wait"})]


QUEUE_WAIT = Check(
    name="queue-wait",
    title="What is queued is started soon",
    subject="executor",
    sql={2: _WAITED, 3: _WAITED},
    threshold=60,
    unit="s",
    severity="warning",
    key="{name}",
    sick="Task instances wait in the queue: one in twenty for longer than {p95} (limit {limit}), the slowest {slowest}, of "
    "{started} started within the hour.",
    well="What is queued is started soon again after {lasted}.",
    runbook="queue-depth",
    judge=_judge_wait,
    every=300,
)
