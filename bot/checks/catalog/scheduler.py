"""Is the scheduler alive? Reads the heartbeats that every component writes to the metastore.

A killed scheduler leaves its row `running` forever while a second one may be fine, so only the newest heartbeat of each
kind counts. The other components' heartbeats are evidence, not a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.checks.check import Check, Finding, Row, Snapshot, age, moment
from bot.core.dates import span

COMPONENTS = {"SchedulerJob": "scheduler", "TriggererJob": "triggerer", "DagProcessorJob": "DAG processor"}
GONE = 86_400.0  # a component silent for a day counts as not deployed here
_SQL = """
select job_type, max(latest_heartbeat) as heartbeat from job
where job_type in ('SchedulerJob', 'TriggererJob', 'DagProcessorJob') group by job_type
"""


def _judge(check: Check, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
    ages = {COMPONENTS[row["job_type"]]: age(row["heartbeat"], snapshot.now) for row in rows}
    silent = ages.get("scheduler")
    if silent is not None and silent <= check.threshold:
        return []
    facts = {
        "component": "scheduler",
        "seconds": None if silent is None else round(silent),
        "said": "there never was a heartbeat" if silent is None else f"last heartbeat {span(silent, fine=True)} ago",
        "limit": span(check.threshold),
        "evidence": _evidence(ages, check.threshold, snapshot),
        "components": _components(ages, check.threshold),
        "last_heartbeat": _heartbeat(rows),
    }
    critical = silent is None or silent > 2 * check.threshold
    return [check.finding(facts, "critical" if critical else "warning")]


def _heartbeat(rows: Sequence[Row]) -> datetime | None:
    return next((moment(row["heartbeat"]) for row in rows if row["job_type"] == "SchedulerJob"), None)


def _seen(ages: dict[str, float | None]) -> dict[str, float]:
    seen = {name: seconds for name, seconds in ages.items() if seconds is not None}
    return {name: seen[name] for name in COMPONENTS.values() if name == "scheduler" or seen.get(name, GONE) < GONE
            if name in seen}  # fmt: skip


def _components(ages: dict[str, float | None], limit: float) -> list[dict[str, Any]]:
    return [{"name": name, "seconds": round(seconds), "well": seconds <= limit}
            for name, seconds in _seen(ages).items()]  # fmt: skip


def _evidence(ages: dict[str, float | None], limit: float, snapshot: Snapshot) -> str:
    """`✗ scheduler 94 s   ✓ triggerer 3 s   ✓ metastore 4 ms`"""
    parts = [
        f"{'✓' if seconds <= limit else '✗'} {name} {span(seconds, fine=True)}" for name, seconds in _seen(ages).items()
    ]
    if "scheduler" not in _seen(ages):
        parts.insert(0, "✗ scheduler never")
    return "   ".join([*parts, f"✓ metastore {snapshot.seconds * 1000:.0f} ms"])


SCHEDULER_HEARTBEAT = Check(
    name="scheduler-heartbeat",
    title="The scheduler beats",
    subject="scheduler",
    sql={2: _SQL, 3: _SQL},
    threshold=30,
    unit="s",
    severity="critical",
    key="{component}",
    sick="The scheduler is silent: {said} (limit {limit}). Nothing new starts. {evidence}",
    well="The scheduler beats again after {lasted} of silence.",
    runbook="scheduler-silent",
    judge=_judge,
)
