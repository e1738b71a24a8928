"""Stopping a backfill that Airflow runs by itself: the rest is cancelled there, and what ran is read back.

Hard case: it ended by itself meanwhile, or an earlier try to cancel it had arrived. Airflow ends what was queued as failed, so
what waited before and is failed now was cancelled; after a lost answer the two cannot be told apart, and that is said. Rule:
nothing is told as cancelled that ran.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from bot.core.airflow.backfill import Backfill
from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Temporary
from bot.core.remediation import Progress, Remediation
from bot.responder.carried import end, save
from bot.responder.desk import Desk

MOST_TRIES = 40
SLOWEST = 15.0
WAITING = frozenset({"queued", "none", "scheduled"})


def cancel(desk: Desk, remediation: Remediation, airflow: Airflow) -> Remediation:
    """Asks Airflow to cancel what has not begun, until it answers; then says which dates ran."""
    who = remediation.stopped_by
    try:
        before = airflow.backfill_state(remediation.backfill_id)
        after = airflow.cancel_backfill(remediation.backfill_id)
    except Temporary as error:
        if remediation.tries >= MOST_TRIES:
            return end(desk, remediation, Progress.unknown, f"{who} asked to stop it: {error.message}")
        due = desk.clock() + timedelta(seconds=min(SLOWEST, 1.25**remediation.tries))
        return save(desk, replace(remediation, due_at=due, tries=remediation.tries + 1), silent=True)
    except Permanent as error:
        return end(desk, remediation, Progress.partly, f"{who} asked to stop it, and it goes on: {error.message}")
    return end(desk, remediation, Progress.partly, _told(who, before, after, is_first=remediation.tries == 0))


def _told(who: str, before: Backfill | None, after: Backfill, *, is_first: bool) -> str:
    waited = {date.run_id for date in before.dates if date.state in WAITING} if before else set()
    cancelled = {date.run_id for date in after.dates if date.run_id in waited and date.state == "failed"}
    ran = Counter(date.state for date in after.dates if date.run_id not in cancelled)
    words = [_counted(ran, "success", "succeeded"), _counted(ran, "running", "still running"),
             _counted(ran, "failed", "failed" if is_first else "failed or cancelled")]  # fmt: skip
    said = ", ".join(word for word in words if word) or "none had begun"
    if is_first and before is not None and before.completed_at is not None:
        return f"{who} wanted to stop it, and it had ended already: {said}"
    return f"{who} stopped it. {len(cancelled)} of {len(after.dates)} dates were cancelled; of the others: {said}"


def _counted(ran: Counter[str], state: str, word: str) -> str:
    return f"{ran[state]} {word}" if ran[state] else ""
