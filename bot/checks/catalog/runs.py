"""Do a DAG's runs succeed, and are runs created when they are due? Reads the newest runs.

`dag_run` has no index on its end, so the newest are taken by id. A run that was cleared, or that a catch-up created for
a past date, doesn't count as late. A rate needs enough runs and more than one failure, since a single failure has an
alert of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bot.checks.check import Check, Finding, Row, Snapshot, moment
from bot.checks.words import percent
from bot.core.dates import span

FEWEST_RUNS, FEWEST_FAILED = 20, 2
_RATE = """
select dag_id, count(*) as ended, sum(case when state = 'failed' then 1 else 0 end) as failed
from (select dag_id, state, end_date from dag_run order by id desc limit 20000) as newest
where state in ('success', 'failed') and end_date >= :week group by dag_id
having sum(case when state = 'failed' then 1 else 0 end) >= 2 order by 3 desc, 1 limit :most"""


def _judge_rate(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        ended, failed = int(row["ended"]), int(row["failed"])
        rate = 100 * (ended - failed) / ended
        if ended >= FEWEST_RUNS and failed >= FEWEST_FAILED and rate < check.threshold:
            facts = {"rate": percent(rate), "failed": failed, "ended": ended, "dag_id": row["dag_id"]}
            found.append(check.finding({**facts, "goal": f"{check.threshold:g} %"}))
    return found


LOW_SUCCESS_RATE = Check(
    name="success-rate",
    title="Runs succeed",
    subject="DAG",
    sql={2: _RATE, 3: _RATE},
    threshold=99.2,
    unit="%",
    severity="warning",
    key="{dag_id}",
    sick="{dag_id} succeeds too seldom: {rate} of its runs in 7 days (goal {goal}), {failed} of {ended} failed.",
    well="{dag_id} reaches its goal again after {lasted}.",
    runbook="low-success-rate",
    judge=_judge_rate,
    every=300,
)

_FEWEST_DUE = 3
_LAG = """
select r.dag_id, r.{due} as due, r.queued_at
from (select id, dag_id, run_type, {due}, queued_at, clear_number from dag_run order by id desc limit 2000) as r
where r.run_type = 'scheduled' and r.clear_number = 0 and r.{due} >= :hour and r.queued_at is not null
and exists (select 1 from dag_run e where e.dag_id = r.dag_id and e.run_type = 'scheduled' and e.id < r.id)
order by r.id desc limit 1000"""


def _judge_lag(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    """Judges the median lag of the runs due within the hour, because one DAG that was just unpaused is not the
    scheduler's fault."""
    pairs = [(moment(row["due"]), moment(row["queued_at"])) for row in rows]
    lags = sorted((made - due).total_seconds() for due, made in pairs if due and made)
    if len(lags) < _FEWEST_DUE or (lag := median(lags)) <= check.threshold:
        return []
    facts = {"lag": span(lag, fine=True), "worst": span(lags[-1], fine=True), "runs": len(lags), "seconds": round(lag)}
    return [check.finding({**facts, "limit": span(check.threshold), "name": "scheduler"})]


SCHEDULER_LAG = Check(
    name="scheduler-lag",
    title="Runs are made when they are due",
    subject="scheduler",
    sql={2: _LAG.format(due="data_interval_end"), 3: _LAG.format(due="run_after")},
    threshold=120,
    unit="s",
    severity="warning",
    key="{name}",
    sick="The scheduler lags: half of the {runs} runs due within the hour were made more than {lag} late (limit {limit}), "
    "the last one {worst}.",
    well="The scheduler makes runs on time again after {lasted}.",
    runbook="scheduler-silent",
    judge=_judge_lag,
)
