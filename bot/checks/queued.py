"""Is anything waiting for a worker that never takes it? Asked of the task instances that are queued.

Hard case: a full pool is not this trouble: a task that waits for a slot is `scheduled`; one that is `queued` has its slot,
was handed to the executor, and nobody started it. Rule: one finding a task instance, well again as soon as it moves on.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks.check import Check, Finding, Row, Sight, age, span

_SQL = """
select ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, ti.operator, ti.pool, ti.queue,
ti.queued_dttm
from task_instance ti
where ti.state = 'queued' and ti.queued_dttm < :since
order by 1, 2, 3, 4 limit :most"""


def _judge(check: Check, rows: Sequence[Row], sight: Sight) -> list[Finding]:
    found = []
    for row in rows:
        waits = age(row["queued_dttm"], sight.now) or 0.0
        label = row["task_id"] if row["map_index"] < 0 else f"{row['task_id']}[{row['map_index']}]"
        facts = dict(row) | {
            "label": label,
            "seconds": round(waits),
            "waits": span(waits),
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
