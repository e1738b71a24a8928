"""Runs on Airflow 3.x: find, trigger, set states.

A manual run has no logical date, so a window of logical dates would hide it; it is found by `run_after`. The bot
chooses the id of a run that it triggers, so a repeated request starts only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.airflow import clearing, paging, parsing
from bot.airflow.airflow3.transport import ThreeCalls
from bot.core.airflow.protocol import Run
from bot.core.errors import Permanent

EVERY_DAG = "~"
NEWEST_FIRST = ["-run_after"]
# Run types that may lack a logical date, and the minor version that added them: older servers refuse unknown types.
UNDATED = {"manual": 0, "asset_triggered": 0, "asset_materialization": 2, "operator_triggered": 3}


class RunsThree(ThreeCalls):
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
        if since is None and until is None:
            return self._runs(dag_id, states, limit)
        dated = self._runs(dag_id, states, limit, logical_date_gte=since, logical_date_lte=until)
        types = [name for name, minor in UNDATED.items() if self._minor >= minor]
        undated = self._runs(
            dag_id, states, limit, only_undated=True, run_type=types, run_after_gte=since, run_after_lte=until
        )
        return sorted([*dated, *undated], key=_newest, reverse=True)[:limit]

    def _runs(
        self, dag_id: str, states: Sequence[str], limit: int, *, only_undated: bool = False, **window: Any
    ) -> list[Run]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                f"read the runs of {dag_id or 'all DAGs'}", "DagRunApi", "get_dag_runs", allow={404},
                dag_id=dag_id or EVERY_DAG, state=list(states) or None, order_by=NEWEST_FIRST, limit=size,
                offset=offset, **window,
            )  # fmt: skip

        wanted = (lambda run: run.logical_date is None) if only_undated else None
        return paging.collect(page, "dag_runs", parsing.run, limit, wanted)

    def run(self, dag_id: str, run_id: str) -> Run | None:
        answer = self._get(
            f"read the runs of {dag_id}", "DagRunApi", "get_dag_run", allow={404}, dag_id=dag_id, dag_run_id=run_id
        )
        return None if answer is None else parsing.run(answer)

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        def page(offset: int, size: int) -> Any:
            return self._get(
                "read the failed runs", "DagRunApi", "get_dag_runs", dag_id=EVERY_DAG, state=["failed"],
                end_date_gte=moment, order_by=["end_date"], limit=size, offset=offset,
            )  # fmt: skip

        return paging.distinct(paging.collect(page, "dag_runs", parsing.run), lambda one: (one.dag_id, one.run_id))

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        body = {"state": state, **({"note": note[: clearing.NOTE_LENGTH]} if note else {})}
        return parsing.run(self._patch_run(f"set the state of runs of {dag_id}", dag_id, run_id, body))

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None:
        body = {"note": note[: clearing.NOTE_LENGTH]}
        self._patch_run(f"write notes on runs of {dag_id}", dag_id, run_id, body, update_mask=["note"])

    def _patch_run(self, what: str, dag_id: str, run_id: str, body: Mapping[str, Any], **arguments: Any) -> Any:
        return self._write(
            what, "DagRunApi", "patch_dag_run", ("DAGRunPatchBody", body),
            dag_id=dag_id, dag_run_id=run_id, **arguments,
        )  # fmt: skip

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        note: str = "",
        logical_date: datetime | None = None,
    ) -> Run:
        at = None if logical_date is None else logical_date.isoformat()
        body = {"logical_date": at, "dag_run_id": run_id, "conf": dict(conf)}
        body.update({"note": note[: clearing.NOTE_LENGTH]} if note else {})
        answer = self._write(
            f"trigger {dag_id}", "DagRunApi", "trigger_dag_run", ("TriggerDAGRunPostBody", body),
            allow={409}, dag_id=dag_id,
        )  # fmt: skip
        found = self.run(dag_id, run_id) if answer is None else parsing.run(answer)
        if found is None:
            raise Permanent(f"Airflow ({self.name}) answered 409: {dag_id} has another run at that date", "409")
        return found


def _newest(run: Run) -> float:
    at = run.run_after or run.logical_date
    return at.timestamp() if at else 0.0
