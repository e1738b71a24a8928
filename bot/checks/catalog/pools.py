"""Is a pool full while tasks wait for it, and is it full of sensors that only poll?

Running and queued task instances take slots, deferred ones only if the pool is set to count them, and one task may take
several slots. A briefly full pool is normal; one that stays full while tasks wait is a finding. Waiting tasks are found
by state, which has an index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.checks.check import Check, Finding, Row, Snapshot
from bot.checks.words import things

_SQL = """
select p.pool, p.slots,
sum(case when ti.state in ('running', 'queued') or (ti.state = 'deferred' and p.include_deferred) then ti.pool_slots
else 0 end) as taken,
sum(case when ti.state = 'running' then 1 else 0 end) as running,
sum(case when ti.state = 'running' and ti.operator like '%Sensor%' then 1 else 0 end) as sensors,
sum(case when ti.state = 'queued' then 1 else 0 end) as queued,
sum(case when ti.state = 'scheduled' then 1 else 0 end) as scheduled
from slot_pool p join task_instance ti on ti.pool = p.pool and ti.state in ('running', 'queued', 'scheduled', 'deferred')
where p.slots > 0 group by p.pool, p.slots order by 1 limit :most"""


def _full(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Returns the pools that have no open slot while tasks wait for one, with whole numbers as figures."""
    found: list[Mapping[str, Any]] = []
    for row in rows:
        facts: dict[str, Any] = {name: row[name] if name == "pool" else int(row[name]) for name in row}
        facts["waiting"] = facts["queued"] + facts["scheduled"]
        facts["waits"] = things(facts["waiting"], "task instance waits", "task instances wait")
        if facts["taken"] >= facts["slots"] and facts["waiting"]:
            found.append(facts)
    return found


def _starved(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    return [check.finding(facts) for facts in _full(rows) if facts["waiting"] > check.threshold]


def _deadlocked(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    only_sensors = (facts for facts in _full(rows) if facts["running"] and facts["sensors"] == facts["running"])
    return [check.finding(facts) for facts in only_sensors if facts["waiting"] > check.threshold]


POOL_STARVATION = Check(
    name="pool-starvation",
    title="Pools have room for what waits",
    subject="pool",
    sql={2: _SQL, 3: _SQL},
    threshold=0,
    unit="task instances",
    severity="warning",
    key="{pool}",
    sick="Pool {pool} is full: {taken} of {slots} slots are taken and {waits} for it ({queued} queued, "
    "{scheduled} scheduled).",
    well="Pool {pool} has open slots again after {lasted}.",
    runbook="pool-starvation",
    judge=_starved,
    holds=300,
)
SENSOR_DEADLOCK = Check(
    name="sensor-deadlock",
    title="Sensors leave room for what they wait for",
    subject="pool",
    sql={2: _SQL, 3: _SQL},
    threshold=0,
    unit="task instances",
    severity="error",
    key="{pool}",
    sick="Pool {pool} holds only sensors: {sensors} of them run in {slots} slots, and {waits} for one.",
    well="Pool {pool} runs more than sensors again after {lasted}.",
    runbook="sensor-deadlock",
    judge=_deadlocked,
    holds=600,
)
