"""Watches cleared task instances until Airflow has finished them, and reports the outcome as signals. After a clear
that was cut short, only what was cleared is watched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.core.airflow.backfill import Backfill
from bot.core.airflow.protocol import Airflow, TaskInstance, TaskRef
from bot.core.errors import Permanent, Temporary
from bot.core.remediation import Progress, Remediation, still_running, tally
from bot.core.signals.signal import Signal
from bot.responder.actions.catalog import steps_of
from bot.responder.remediation.outcome import end, save
from bot.responder.services import Services

MOST_TRIES = 40
SLOWEST = 15.0
WAITING = frozenset({"queued", "none", "scheduled"})

PROGRESS_EVERY = timedelta(seconds=10)
FIRST_LOOK = 1.0
SLOWEST_LOOK = 15.0
WATCH_FOR = timedelta(hours=12)

Report = Callable[[Sequence[Signal]], object]


def watch(services: Services, remediation: Remediation, airflow: Airflow, report: Report) -> Remediation:
    """Updates the progress. The outcome is reported as signals, like everything else."""
    now = services.clock()
    wait = min(SLOWEST_LOOK, FIRST_LOOK * 1.25**remediation.tries)
    later = replace(remediation, due_at=now + timedelta(seconds=wait), tries=remediation.tries + 1)
    try:
        steps = steps_of(airflow, remediation.plan)[: remediation.steps]
        found = _instances(airflow, [ref for step in steps for ref in step.refs])
    except (Temporary, Permanent) as error:
        if isinstance(error, Permanent) or now - remediation.asked_at > WATCH_FOR:
            return end(services, remediation, Progress.done, f"how it ended is not known: {error.message}")
        return save(services, later, silent=True)
    count = tally(instance.state for instance in found)
    if any(still_running(instance.state) for instance in found) and now - remediation.asked_at < WATCH_FOR:
        told_at = remediation.ended_at or remediation.began_at or now
        tell = count != dict(remediation.tally) and now - told_at >= PROGRESS_EVERY
        # while it is watched, ended_at holds when progress was last shown
        return save(
            services, replace(later, tally=count, ended_at=now if tell else remediation.ended_at), silent=not tell
        )
    return _finish(services, replace(remediation, tally=count), found, report)


def _finish(
    services: Services, remediation: Remediation, instances: Sequence[TaskInstance], report: Report
) -> Remediation:
    done, failed = remediation.tally["done"], remediation.tally["failed"]
    answer = f"{done} succeeded" + (f", {failed} failed again" if failed else "")
    if remediation.answer:  # it was cut short
        ended = end(services, remediation, Progress.partly, f"{remediation.answer}; of those done {answer}")
    else:
        ended = end(services, remediation, Progress.done, answer)
    report([_outcome(services, remediation.plan.deployment, i) for i in instances if i.state == "success"])
    return ended


def _outcome(services: Services, deployment: str, instance: TaskInstance) -> Signal:
    ref = instance.ref
    return Signal(
        kind="task_succeeded", deployment=deployment, occurred_at=instance.end_date or services.clock(), dag_id=ref.dag_id,
        run_id=ref.run_id, task_id=ref.task_id, map_index=ref.map_index, try_number=instance.try_number,
        state=instance.state, source="sweep",
    )  # fmt: skip


def cancel(services: Services, remediation: Remediation, airflow: Airflow) -> Remediation:
    """Asks Airflow to cancel what has not begun, and retries until it answers; then records which dates ran."""
    who = remediation.stopped_by
    try:
        before = airflow.backfill_state(remediation.backfill_id)
        after = airflow.cancel_backfill(remediation.backfill_id)
    except Temporary as error:
        if remediation.tries >= MOST_TRIES:
            return end(services, remediation, Progress.unknown, f"{who} asked to stop it: {error.message}")
        due = services.clock() + timedelta(seconds=min(SLOWEST, 1.25**remediation.tries))
        return save(services, replace(remediation, due_at=due, tries=remediation.tries + 1), silent=True)
    except Permanent as error:
        return end(services, remediation, Progress.partly, f"{who} asked to stop it, and it goes on: {error.message}")
    return end(services, remediation, Progress.partly, _told(who, before, after, is_first=remediation.tries == 0))


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


def _instances(airflow: Airflow, refs: list[TaskRef]) -> list[TaskInstance]:
    """The task instances as they are now."""
    wanted = set(refs)
    runs = dict.fromkeys((ref.dag_id, ref.run_id) for ref in refs)
    return [i for dag, run_id in runs for i in airflow.task_instances(dag, run_id) if i.ref in wanted]
