"""Backfills on Airflow 3.x, through its own API.

Airflow reports a backfill's window but not its runs: they are those of type "backfill" in the window that were queued
since it was requested. The request has the same body as the dry run, except for the limit on concurrent runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.airflow import paging, parsing
from bot.airflow.airflow3.runs import EVERY_DAG, RunsThree
from bot.core.airflow.backfill import Backfill, BackfillDate, check_window
from bot.core.errors import Permanent

SLACK = timedelta(seconds=5)  # allowed difference between the clocks of the API server and the metastore
BODY = "BackfillPostBody"


class BackfillingThree(RunsThree):
    """The backfill calls."""

    has_backfill = True

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        answer = self._write(
            f"backfill {dag_id}", "BackfillApi", "create_backfill_dry_run", (BODY, _body(dag_id, start, end, rerun)),
            reads_only=True,
        )  # fmt: skip
        moments = [parsing.backfill_moment(row) for row in parsing.rows(answer, "backfills")]
        dates = sorted(at for at in moments if at is not None)
        there = self._there(dag_id, dates)
        return [there.get(at, BackfillDate(at)) for at in dates]

    def _there(self, dag_id: str, dates: list[datetime]) -> dict[datetime, BackfillDate]:
        """The existing runs from the first of the dates to the last, by logical date."""
        if not dates:
            return {}
        found = self._dated_rows(dag_id, dates[0], dates[-1])
        return {one.logical_date: one for one in map(parsing.backfill_date, found) if one is not None}

    def backfill(
        self, dag_id: str, start: datetime, end: datetime, *, rerun: str, max_active_runs: int | None = None
    ) -> Backfill:
        body = _body(dag_id, start, end, rerun)
        body.update({} if max_active_runs is None else {"max_active_runs": max_active_runs})
        answer = self._write(f"backfill {dag_id}", "BackfillApi", "create_backfill", (BODY, body))
        return self._with_runs(parsing.backfill(answer))

    def backfill_state(self, backfill_id: int) -> Backfill | None:
        answer = self._get("read backfills", "BackfillApi", "get_backfill", allow={404}, backfill_id=backfill_id)
        return None if answer is None else self._with_runs(parsing.backfill(answer))

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        self._write("cancel backfills", "BackfillApi", "cancel_backfill", allow={409}, backfill_id=backfill_id)
        found = self.backfill_state(backfill_id)
        if found is None:
            raise Permanent(f"Airflow ({self.name}) has no backfill {backfill_id}", "404")
        return found

    def _with_runs(self, asked: Backfill) -> Backfill:
        """Adds the backfill's runs and their current states."""
        if asked.start is None or asked.end is None:
            return asked
        since = asked.created_at - SLACK if asked.created_at else None
        rows = self._dated_rows(asked.dag_id, asked.start, asked.end, run_type=["backfill"])
        mine = [row for row in rows if since is None or (parsing.moment(row.get("queued_at")) or since) >= since]
        dates = tuple(sorted(one for one in map(parsing.backfill_date, mine) if one is not None))
        return replace(
            asked,
            dates=dates,
            run_ids=tuple(one.run_id for one in dates),
            counts=Counter(one.state for one in dates),
        )

    def _dated_rows(self, dag_id: str, start: datetime, end: datetime, **arguments: Any) -> list[Mapping[str, Any]]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                f"read the runs of {dag_id}", "DagRunApi", "get_dag_runs", allow={404}, dag_id=dag_id or EVERY_DAG,
                logical_date_gte=start, logical_date_lte=end, order_by=["logical_date"], limit=size, offset=offset,
                **arguments,
            )  # fmt: skip

        return paging.collect(page, "dag_runs", dict)


def _body(dag_id: str, start: datetime, end: datetime, rerun: str) -> dict[str, Any]:
    check_window(start, end, rerun)
    return {
        "dag_id": dag_id,
        "from_date": start.isoformat(),
        "to_date": end.isoformat(),
        "reprocess_behavior": rerun,
        "run_backwards": False,
    }
