"""A DAG's report card: its success rate against the goal and the period before, its slowest tasks, and the tasks that
became slower.

The figures are a pure function of what was read, so a metastore and the API are judged alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from bot.responder.questions import GOAL, History, RunSeen, TaskDuration, TaskSeen

FEWEST = 3  # runs on each side; with fewer a comparison says nothing
SLOWER, SECONDS_LOST = 1.5, 5.0  # a task became slower if it takes 1.5 times as long and 5 s longer


@dataclass(frozen=True, slots=True)
class Card:
    """The report on one DAG. Rates are percent, None when nothing ended; times are seconds."""

    deployment: str
    dag_id: str
    days: float
    runs: Sequence[RunSeen]
    before: Sequence[RunSeen]
    tasks: Sequence[TaskSeen]
    goal: float
    source: str
    now: datetime

    @property
    def rate(self) -> float | None:
        return success_rate(self.runs)

    @property
    def rate_before(self) -> float | None:
        return success_rate(self.before)

    @property
    def p95(self) -> float | None:
        return percentile([run.seconds for run in self.runs if run.seconds is not None], 95)

    @property
    def p95_before(self) -> float | None:
        return percentile([run.seconds for run in self.before if run.seconds is not None], 95)

    @property
    def failed(self) -> list[RunSeen]:
        return [run for run in self.runs if run.state == "failed"]

    @property
    def retries(self) -> int:
        return sum(task.retries for task in self.tasks)

    @property
    def slowest(self) -> list[TaskSeen]:
        return sorted((task for task in self.tasks if task.p95 is not None), key=lambda task: -(task.p95 or 0))


def card(history: History, deployment: str, dag_id: str, days: float, now: datetime, goal: float = GOAL) -> Card:
    """The last `days` of a DAG, and as many days before them to compare with."""
    since = now - timedelta(days=days)
    seen = history.runs(dag_id, now - timedelta(days=2 * days))
    lately = [run for run in seen if run.started is not None and run.started >= since]
    before = [run for run in seen if run.started is not None and run.started < since]
    return Card(deployment, dag_id, days, lately, before, history.tasks(dag_id, since), goal, history.source, now)


def slower(took: Sequence[TaskDuration]) -> list[TaskDuration]:
    """The tasks that take clearly longer than before, the largest loss first."""
    found = [
        one for one in took
        if min(one.runs, one.runs_before) >= FEWEST
        and (_slower(one.p50, one.p50_before) or _slower(one.p95, one.p95_before))
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-max(one.lost, one.p95 - one.p95_before), one.dag_id, one.task_id))


def _slower(now: float, before: float) -> bool:
    return now >= SLOWER * before and now - before >= SECONDS_LOST


def success_rate(runs: Sequence[RunSeen]) -> float | None:
    """How many percent of the ended runs succeeded; None if none ended."""
    ended = [run for run in runs if run.state in {"success", "failed"}]
    return 100 * sum(run.state == "success" for run in ended) / len(ended) if ended else None


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile, which is one of the values; None for no values."""
    ordered = sorted(values)
    return ordered[max(1, ceil(len(ordered) * percent / 100)) - 1] if ordered else None
