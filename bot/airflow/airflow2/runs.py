"""Runs on Airflow 2.x: find, trigger, set states.

Airflow 2 gives a run that is triggered for a date the interval before that date, while a scheduled run of that date has
the interval after it. Where the schedule is known, a run gets the interval that its schedule would give it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.airflow import clearing, paging, parsing
from bot.airflow.airflow2 import schedule
from bot.airflow.airflow2.transport import TwoCalls, quoted, run_path
from bot.core.airflow.protocol import Run
from bot.core.errors import Permanent

EVERY_DAG = "~"


class RunsTwo(TwoCalls):
    """The calls about runs."""

    def runs(
        self,
        dag_id: str,
        states: Sequence[str] = (),
        limit: int = 25,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        query: dict[str, Any] = {"order_by": "-execution_date", "state": list(states)}
        query.update({} if since is None else {"execution_date_gte": _text(since)})
        query.update({} if until is None else {"execution_date_lte": _text(until)})

        def page(offset: int, size: int) -> Any:
            path = f"/dags/{quoted(dag_id) if dag_id else EVERY_DAG}/dagRuns"
            what = f"read the runs of {dag_id or 'all DAGs'}"
            return self._get(what, path, {**query, "limit": size, "offset": offset}, allow={404})

        return paging.collect(page, "dag_runs", parsing.run, limit)

    def run(self, dag_id: str, run_id: str) -> Run | None:
        answer = self._get(f"read the runs of {dag_id}", run_path(dag_id, run_id), allow={404})
        return None if answer is None else parsing.run(answer)

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        def page(offset: int, size: int) -> Any:
            query = {"state": "failed", "end_date_gte": moment.isoformat(), "order_by": "id"}
            return self._get("read the failed runs", "/dags/~/dagRuns", {**query, "limit": size, "offset": offset})

        return paging.distinct(paging.collect(page, "dag_runs", parsing.run), lambda one: (one.dag_id, one.run_id))

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        answer = self._patch(f"set the state of runs of {dag_id}", run_path(dag_id, run_id), {"state": state})
        if note:
            answer = self._note_run(dag_id, run_id, note)
        return parsing.run(answer)

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None:
        self._note_run(dag_id, run_id, note)

    def _note_run(self, dag_id: str, run_id: str, note: str) -> Any:
        body = {"note": note[: clearing.NOTE_LENGTH]}
        return self._patch(f"write notes on runs of {dag_id}", f"{run_path(dag_id, run_id)}/setNote", body)

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        note: str = "",
        logical_date: datetime | None = None,
    ) -> Run:
        slot = None if logical_date is None else self._slot(dag_id, logical_date)
        return self._trigger(dag_id, run_id, conf, note, logical_date, slot)

    def _trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        note: str,
        logical_date: datetime | None,
        slot: schedule.Slot | None,
    ) -> Run:
        """Triggers a run. Airflow 2 refuses a null `logical_date`, so missing values are left out."""
        body: dict[str, Any] = {"dag_run_id": run_id, "conf": dict(conf)}
        body.update({"note": note[: clearing.NOTE_LENGTH]} if note else {})
        body.update({} if logical_date is None else {"logical_date": _text(logical_date)})
        if slot is not None:
            body.update(data_interval_start=_text(slot.logical_date), data_interval_end=_text(slot.end))
        answer = self._post(f"trigger {dag_id}", f"/dags/{quoted(dag_id)}/dagRuns", body, allow={409})
        found = self.run(dag_id, run_id) if answer is None else parsing.run(answer)
        if found is None:
            raise Permanent(f"Airflow ({self.name}) answered 409: {dag_id} has another run at that date", "409")
        return found

    def _schedule(self, dag_id: str) -> schedule.Schedule:
        """The DAG's schedule. Raises Permanent if there is no such DAG or its dates can't be computed."""
        what = f"read {dag_id}"
        row = self._get(what, f"/dags/{quoted(dag_id)}", allow={404})
        details = self._get(what, f"/dags/{quoted(dag_id)}/details", allow={404})
        if row is None or details is None:
            raise Permanent(f"Airflow ({self.name}) has no DAG `{dag_id}`", "404")
        return schedule.of_dag(row, details)

    def _slot(self, dag_id: str, logical_date: datetime) -> schedule.Slot | None:
        try:
            return self._schedule(dag_id).slot(logical_date)
        except Permanent:
            return None  # the schedule can't be computed, so Airflow chooses the interval


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
