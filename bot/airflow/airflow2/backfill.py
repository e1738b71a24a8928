"""Backfills on Airflow 2.x, run by run, since its API has none.

If a run is refused or Airflow becomes unavailable half-way, the answer lists what was started and what wasn't. A run's
id is derived from its date, so a repeated request starts no run twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.airflow.airflow2.runs import RunsTwo
from bot.airflow.airflow2.schedule import Slot
from bot.core.airflow.backfill import Backfill, BackfillDate, check_window
from bot.core.airflow.protocol import Run, Scope, TaskInstance
from bot.core.errors import Permanent, Temporary

AGAIN = {"none": frozenset[str](), "failed": frozenset({"failed"}), "completed": frozenset({"failed", "success"})}
MOST_RUNS = 10_000  # in a window, including unscheduled runs
NO_BACKFILLS = "Airflow 2 has no backfills in its API; each date is a run of its own"


class BackfillingTwo(RunsTwo):
    """The backfill calls."""

    has_backfill = False

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        raise NotImplementedError

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        return [one for _, one in self._planned(dag_id, start, end, rerun)]

    def _planned(self, dag_id: str, start: datetime, end: datetime, rerun: str) -> list[tuple[Slot, BackfillDate]]:
        """The runs to start, chosen the way Airflow 3 does: dates without a run, or with an ended run in a state that
        `rerun` selects."""
        check_window(start, end, rerun)
        slots = self._schedule(dag_id).slots(start, end, datetime.now(UTC))
        if not slots:
            return []
        runs = self.runs(dag_id, limit=MOST_RUNS, since=slots[0].logical_date, until=slots[-1].logical_date)
        there = {run.logical_date: run for run in runs}
        pairs = [(slot, _date(slot, there.get(slot.logical_date))) for slot in slots]
        return [(slot, one) for slot, one in pairs if not one.run_id or one.state in AGAIN[rerun]]

    def backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        rerun: str,
        max_active_runs: int | None = None,  # noqa: ARG002 the DAG's own limit holds
    ) -> Backfill:
        began, done, refused = datetime.now(UTC), list[BackfillDate](), list[str]()
        planned = self._planned(dag_id, start, end, rerun)
        for place, (slot, one) in enumerate(planned):
            try:
                done.append(self._start(dag_id, slot, one))
            except Permanent as error:
                refused.append(f"{slot.logical_date:%Y-%m-%d %H:%M}: {error.message}")
            except Temporary as error:  # it would be the same for the rest
                if not done:
                    raise
                refused += [f"{late.logical_date:%Y-%m-%d %H:%M}: {error.message}" for _, late in planned[place:]]
                break
        if planned and not done:
            raise Permanent(f"none of {len(planned)} runs of {dag_id} could be started: {refused[0]}", "refused")
        return _told(dag_id, start, end, began, done, refused)

    def _start(self, dag_id: str, slot: Slot, one: BackfillDate) -> BackfillDate:
        """Starts one date: an existing run is cleared completely, as Airflow 3 does; otherwise a new run is
        triggered."""
        if one.run_id:
            self.clear(Scope(dag_id, one.run_id, only_failed=False), dry_run=False)
            return BackfillDate(slot.logical_date, one.run_id, "queued")
        run_id = f"windsock__{slot.logical_date.isoformat()}"  # `backfill__…` is reserved by Airflow
        started = self._trigger(dag_id, run_id, {}, "", slot.logical_date, slot)
        return BackfillDate(slot.logical_date, started.run_id, started.state)

    def backfill_state(self, backfill_id: int) -> Backfill | None:  # noqa: ARG002
        return None

    def cancel_backfill(self, backfill_id: int) -> Backfill:  # noqa: ARG002
        raise Permanent(NO_BACKFILLS, "no_backfill")


def _date(slot: Slot, run: Run | None) -> BackfillDate:
    return BackfillDate(slot.logical_date) if run is None else BackfillDate(slot.logical_date, run.run_id, run.state)


def _told(
    dag_id: str, start: datetime, end: datetime, began: datetime, done: Sequence[BackfillDate], refused: Sequence[str]
) -> Backfill:
    return Backfill(
        id=None,
        dag_id=dag_id,
        start=start,
        end=end,
        run_ids=tuple(one.run_id for one in done),
        created_at=began,
        dates=tuple(done),
        counts=Counter(one.state for one in done),
        refused=tuple(refused),
    )
