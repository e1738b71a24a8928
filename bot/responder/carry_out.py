"""carry_out: a confirmed plan is done in Airflow, exactly once, and followed until Airflow has finished.

Hard cases: Airflow is down (tried again until the plan is too old, and the person sees both); the answer is lost after
Airflow acted (the truth is read back, never asked for twice); we die in between (whoever finds the remediation `doing`
reads back first); the list moved (nothing is done). Rule: what is executed is the plan's list, by name.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from bot.core.action import Plan, Progress, Remediation, digest, still_running, tally
from bot.core.deployment import Airflow, TaskInstance
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incident import Entry
from bot.core.signal import Signal
from bot.responder.desk import Desk
from bot.responder.dry_run import dry_clear
from bot.responder.execute import Partly, execute, explicit_scopes, has_acted, instances, refs_of, run_id_of
from bot.responder.plan import airflow_of
from bot.responder.press import note
from bot.store import alerts, incidents, remediations

logger = logging.getLogger(__name__)
CLAIM = timedelta(seconds=90)
PROGRESS_EVERY = timedelta(seconds=10)
FIRST_LOOK = 1.0
SLOWEST_LOOK = 15.0
WATCH_FOR = timedelta(hours=12)
IDLE_SECONDS = 2.0
WORKERS = 4

Report = Callable[[Sequence[Signal]], object]


def run(desk: Desk, report: Report, stop: threading.Event) -> None:
    """Carries on what is due until told to stop."""
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="remediation") as pool:
        while not stop.is_set():
            desk.remediation_owed.clear()
            desk.rounds["remediations"] = desk.clock()
            try:
                with desk.store.read() as t:
                    waiting = remediations.due(t, desk.clock())
                for remediation in waiting:
                    _begin(desk, pool, remediation, report)
            except Exception:  # the loop outlives everything; what was asked stays asked
                logger.exception("carry_out failed; tried again in %s s", IDLE_SECONDS)
            desk.remediation_owed.wait(0.5 if waiting_soon(desk) else IDLE_SECONDS)


def waiting_soon(desk: Desk) -> bool:
    """Whether something comes due before the next idle round."""
    with desk.store.read() as t:
        return bool(remediations.due(t, desk.clock() + timedelta(seconds=IDLE_SECONDS)))


def _begin(desk: Desk, pool: ThreadPoolExecutor, remediation: Remediation, report: Report) -> None:
    now = desk.clock()
    with desk.store.write() as t:
        ours = remediations.claim(t, remediation, now, now + CLAIM)
    if ours:
        pool.submit(_guarded, desk, remediation, report)


def _guarded(desk: Desk, remediation: Remediation, report: Report) -> None:
    try:
        carry_on(desk, remediation, report)
    except Exception:  # the claim ends by itself, and the remediation is found again
        logger.exception("remediation %s failed and will be looked at again", remediation.id)


def carry_on(desk: Desk, remediation: Remediation, report: Report) -> Remediation:
    """One step: do it, read it back, or look how far Airflow is. Returns it as it was written down."""
    airflow = airflow_of(desk, remediation.plan.deployment)
    if isinstance(airflow, Refused):
        return _end(desk, remediation, Progress.failed, airflow.reason)
    if remediation.progress is Progress.watching:
        return _watch(desk, remediation, airflow, report)
    if remediation.progress is Progress.doing:
        return _read_back(desk, remediation, airflow)
    return _attempt(desk, remediation, airflow)


def _attempt(desk: Desk, remediation: Remediation, airflow: Airflow) -> Remediation:
    try:
        moved = _moved(airflow, remediation.plan)
    except (Temporary, Permanent) as error:
        return _not_done(desk, remediation, error)
    if moved:
        return _end(desk, remediation, Progress.moved, moved)
    doing = _save(desk, replace(remediation, progress=Progress.doing, began_at=desk.clock()), silent=True)
    try:
        execute(airflow, doing.plan)
    except Temporary as error:
        if error.acted is None:
            return _read_back(desk, doing, airflow, error)
        return _not_done(desk, replace(doing, progress=Progress.asked), error)
    except Permanent as error:
        return _end(desk, doing, Progress.failed, error.message)
    except Partly as error:
        _enter(desk, doing, "partly", f"{error}")
    return _done(desk, doing)


def _moved(airflow: Airflow, plan: Plan) -> str:
    """Why the list is not the one that was confirmed, empty when it is."""
    if plan.action != "clear":
        return ""
    if digest(dry_clear(airflow, plan.scopes)) != plan.digest:
        return "the list moved after it was shown"
    explicit = dry_clear(airflow, explicit_scopes(airflow, plan))
    same = {(c.ref, c.before) for c in explicit} == {(c.ref, c.before) for c in plan.changes}
    return "" if same else "Airflow would clear something else than was shown"


def _done(desk: Desk, remediation: Remediation) -> Remediation:
    """Airflow did it. A clear or a trigger is followed; the rest is over."""
    plan = remediation.plan
    _enter(desk, remediation, "acted", past_sentence(plan))
    if plan.action == "clear":
        states = tally("none" for _ in refs_of(plan))
        due = desk.clock() + timedelta(seconds=FIRST_LOOK)
        return _save(desk, replace(remediation, progress=Progress.watching, tally=states, due_at=due, tries=0))
    return _end(desk, remediation, Progress.done, past_sentence(plan), enter=False)


def past_sentence(plan: Plan) -> str:
    """What was done, as a timeline says it."""
    count = len(plan.changes)
    things = f"{count} task instance{'s' if count != 1 else ''} of {', '.join(plan.dag_ids[:3])}"
    match plan.action:
        case "clear":
            return f"{plan.person.name} cleared {things}"
        case "mark":
            tasks = [change.what for change in plan.marked if change.ref]
            return f"{plan.person.name} marked {', '.join(tasks[:5])} {plan.options.get('state')}"
        case "trigger":
            return f"{plan.person.name} triggered {plan.changes[0].what}: run {run_id_of(plan)}"
        case _:
            return f"{plan.person.name} {plan.action}d {', '.join(change.what for change in plan.changes[:5])}"


def _not_done(desk: Desk, remediation: Remediation, error: Temporary | Permanent) -> Remediation:
    """It is certain that nothing was changed: tried again while the plan is young, else given up, visibly."""
    if isinstance(error, Permanent):
        return _end(desk, remediation, Progress.failed, error.message)
    wait = error.retry_after or random.uniform(1.0, min(20.0, 2.0 ** (remediation.tries + 1)))  # noqa: S311 - jitter
    due = desk.clock() + timedelta(seconds=wait)
    if due >= remediation.plan.expires_at:
        return _end(desk, remediation, Progress.given_up, error.message)
    if remediation.tries == 0:
        until = remediation.plan.expires_at
        _enter(desk, remediation, "waiting", f"{error.message}; tried again until {until:%H:%M} UTC")
    return _save(desk, replace(remediation, due_at=due, tries=remediation.tries + 1, answer=error.message))


def _read_back(desk: Desk, remediation: Remediation, airflow: Airflow, error: Temporary | None = None) -> Remediation:
    """No answer came, or we died before it did: what does Airflow say now?"""
    try:
        acted = has_acted(airflow, remediation.plan)
    except (Temporary, Permanent) as again:
        if desk.clock() < remediation.plan.expires_at:
            due = desk.clock() + timedelta(seconds=5)
            answer = f"no answer came, and it is read back: {again.message}"
            return _save(desk, replace(remediation, due_at=due, tries=remediation.tries + 1, answer=answer))
        return _end(desk, remediation, Progress.unknown, again.message)
    if acted:
        return _done(desk, remediation)
    asked = replace(remediation, progress=Progress.asked)
    return _not_done(desk, asked, error or Temporary("the first attempt did not reach Airflow", 1.0))


def _watch(desk: Desk, remediation: Remediation, airflow: Airflow, report: Report) -> Remediation:
    """How far Airflow is; the end is reported through the same throat as everything else."""
    now = desk.clock()
    wait = min(SLOWEST_LOOK, FIRST_LOOK * 1.25**remediation.tries)
    later = replace(remediation, due_at=now + timedelta(seconds=wait), tries=remediation.tries + 1)
    try:
        found = instances(airflow, remediation.plan)
    except (Temporary, Permanent) as error:
        if isinstance(error, Permanent) or now - remediation.asked_at > WATCH_FOR:
            return _end(desk, remediation, Progress.done, f"how it ended is not known: {error.message}")
        return _save(desk, later, silent=True)
    count = tally(instance.state for instance in found)
    if any(still_running(instance.state) for instance in found) and now - remediation.asked_at < WATCH_FOR:
        told_at = remediation.ended_at or remediation.began_at or now
        tell = count != dict(remediation.tally) and now - told_at >= PROGRESS_EVERY
        # while it is watched, ended_at holds when progress was last told
        return _save(desk, replace(later, tally=count, ended_at=now if tell else remediation.ended_at), silent=not tell)
    return _finish(desk, replace(remediation, tally=count), found, report)


def _finish(desk: Desk, remediation: Remediation, instances: Sequence[TaskInstance], report: Report) -> Remediation:
    done, failed = remediation.tally["done"], remediation.tally["failed"]
    answer = f"{done} succeeded" + (f", {failed} failed again" if failed else "")
    ended = _end(desk, remediation, Progress.done, answer)
    report([_outcome(desk, remediation.plan.deployment, i) for i in instances if i.state == "success"])
    return ended


def _outcome(desk: Desk, deployment: str, instance: TaskInstance) -> Signal:
    ref = instance.ref
    return Signal(
        kind="task_succeeded", deployment=deployment, occurred_at=instance.end_date or desk.clock(), dag_id=ref.dag_id,
        run_id=ref.run_id, task_id=ref.task_id, map_index=ref.map_index, try_number=instance.try_number,
        state=instance.state, source="sweep",
    )  # fmt: skip


def _end(desk: Desk, remediation: Remediation, progress: Progress, answer: str, *, enter: bool = True) -> Remediation:
    ended = replace(remediation, progress=progress, answer=answer, ended_at=desk.clock())
    if enter:
        what = "ended" if progress is Progress.done else "not done"
        text = answer if progress is Progress.done else _failure(progress, answer)
        _enter(desk, remediation, what, text)
    return _save(desk, ended)


def _failure(progress: Progress, answer: str) -> str:
    sentence = "The outcome is not known" if progress is Progress.unknown else "Nothing was changed"
    return f"{sentence}: {answer}"


def _enter(desk: Desk, remediation: Remediation, what: str, text: str) -> None:
    if remediation.incident_id is not None:
        person = remediation.person
        note(desk, remediation.incident_id, Entry(desk.clock(), what, text, person.name, person.id))


def _save(desk: Desk, changed: Remediation, *, silent: bool = False) -> Remediation:
    """Writes the step down; unless silent, the message that shows it is owed."""
    changed = replace(changed, version=changed.version + (0 if silent else 1))
    with desk.store.write() as t:
        remediations.save(t, changed)
    if not silent and changed.incident_id is not None and changed.progress is Progress.watching:
        _touch(desk, changed.incident_id)
    desk.wake()
    return changed


def _touch(desk: Desk, incident_id: int) -> None:
    """Progress is no timeline entry, but the message shows it."""
    with desk.store.write() as t:
        incidents.touch(t, incident_id)
        alerts.hurry(t, incident_id, desk.clock())
