"""Do tasks pass values through XCom that are too large for the metastore?

A value's length is only known once it is read, and reading all of them would be too expensive. So only the newest runs
are examined (an XCom's key begins with its run's), and huge stored values aren't unpacked. Only sizes leave the
metastore, never values.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks.check import Check, Finding, Row, Snapshot
from bot.checks.words import size

_SQL = """
select dag_id, task_id, key, max(octets) as octets, count(*) as number from (
select x.dag_id, x.task_id, x.key, {octets} as octets
from (select id from dag_run order by id desc limit 300) as newest join xcom x on x.dag_run_id = newest.id) as stored
where octets > {{limit}} group by dag_id, task_id, key order by 4 desc, 1, 2, 3 limit :most"""
# JSON is stored compressed: 10 KB of it still take more than 100 bytes. Huge values are not unpacked.
_PACKED = """case when pg_column_size(x.value) between 100 and 1000000 then octet_length(x.value::text)
else pg_column_size(x.value) end"""
_LEAST = 1024  # bytes; smaller values are never too large, whatever the threshold


def _judge(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        if int(row["octets"]) > 1024 * check.threshold:
            facts = {"size": size(int(row["octets"])), "limit": size(round(1024 * check.threshold)), **row}
            found.append(check.finding({**facts, "octets": int(row["octets"])}))
    return found


def _sql(octets: str) -> str:
    return _SQL.format(octets=octets).format(limit=_LEAST)


XCOM_BLOAT = Check(
    name="xcom-bloat",
    title="XComs are small",
    subject="XCom",
    sql={2: _sql("octet_length(x.value)"), 3: _sql(_PACKED)},
    sqlite={2: _sql("length(x.value)"), 3: _sql("length(x.value)")},
    threshold=10,
    unit="KB",
    severity="warning",
    key="{dag_id}.{task_id} {key}",
    sick="{dag_id}.{task_id} hands on {size} as XCom {key} (limit {limit}): it is kept in the metastore, for each run.",
    well="{dag_id}.{task_id} hands on little as XCom {key} again ({lasted}).",
    runbook="xcom-bloat",
    judge=_judge,
    every=300,
)
