"""Backfills: a DAG's runs for the dates of a window, the same for Airflow 2.x and 3.x.

Airflow 2 has no backfill in its API, so each date is a single run there. Some may be refused while others start;
`refused` lists those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bot.core.errors import Permanent

RERUNS = ("none", "failed", "completed")  # which existing runs run again: none, the failed, all that ended


@dataclass(frozen=True, slots=True, order=True)
class BackfillDate:
    """One date of a backfill; `run_id` and `state` belong to the run that exists already."""

    logical_date: datetime
    run_id: str = ""
    state: str = "none"


@dataclass(frozen=True, slots=True)
class Backfill:
    """A requested backfill.

    `id` is Airflow's (None on 2.x, where it can't be queried later). `dates` are its runs as they are now, `counts` how
    many of them are in each state. `refused` holds sentences about dates that could not be started.
    """

    id: int | None
    dag_id: str = ""
    start: datetime | None = None
    end: datetime | None = None
    run_ids: tuple[str, ...] = ()
    created_at: datetime | None = None
    completed_at: datetime | None = None
    is_paused: bool = False
    dates: tuple[BackfillDate, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Backfilling(Protocol):
    """The methods for backfills. Errors are those of `Airflow`; both ends of a window are included."""

    @property
    def has_backfill(self) -> bool:
        """Whether Airflow's API has backfills (3.x); else the bot starts one run for each date (2.x)."""

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        """What a backfill would run, oldest first; `rerun` is one of `RERUNS`. Changes nothing.

        Raises `Permanent` for a DAG without schedule, and on 2.x for a timetable whose dates the bot cannot compute.
        """

    def backfill(
        self, dag_id: str, start: datetime, end: datetime, *, rerun: str, max_active_runs: int | None = None
    ) -> Backfill:
        """Starts it. On 2.x it starts run by run, without `max_active_runs` (the DAG's own limit holds)."""

    def backfill_state(self, backfill_id: int) -> Backfill | None: ...

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        """Cancels it: queued runs end as failed, running ones continue. One that had ended is returned as it is."""


def check_window(start: datetime, end: datetime, rerun: str) -> None:
    """Raises `Permanent` for a window that ends before it starts and for an unknown `rerun`."""
    if rerun not in RERUNS:
        raise Permanent(f"`{rerun}` isn't one of {', '.join(RERUNS)}", "400")
    if start > end:
        raise Permanent("the window of the backfill ends before it starts", "400")
