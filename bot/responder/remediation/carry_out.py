"""Carries out a confirmed plan in Airflow, exactly once, and follows it until Airflow has finished.

While Airflow is down, the plan is retried until it is too old, and the person sees both. If an answer is lost after
Airflow acted, the result is read back and never requested twice. A remediation found `doing` after a crash is read back
first and continued after the last step that was done. Exactly the plan's list is executed, by name; the message says
what was done and what wasn't.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow
from bot.core.backoff import full_jitter
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import PLAN_LIFE, Change, Plan, Progress, Remediation, named, tally
from bot.responder.access.authorization import no_longer
from bot.responder.actions.catalog import act, changed_since, is_done, past_sentence, steps_of
from bot.responder.actions.clear import dry_clear, explicit_scope, is_overtaken
from bot.responder.actions.draft import Step, airflow_of
from bot.responder.remediation import timed_pauses
from bot.responder.remediation.outcome import end, enter, save, show
from bot.responder.remediation.watch import FIRST_LOOK, Report, cancel, watch
from bot.responder.services import Services
from bot.store import approvals, remediations

logger = logging.getLogger(__name__)
CLAIM = timedelta(seconds=90)
TELL_EVERY = timedelta(seconds=2)  # while batches are executed
IDLE_SECONDS = 2.0
WORKERS = 4


def run(services: Services, report: Report, stop: threading.Event) -> None:
    """Carries on with remediations that are due, until stopped."""
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="remediation") as pool:
        while not stop.is_set():
            services.remediation_owed.clear()
            services.rounds["remediations"] = services.monotonic()
            try:
                with services.store.read() as t:
                    waiting = remediations.due(t, services.clock())
                for remediation in waiting:
                    _begin(services, pool, remediation, report)
            except Exception:  # the loop must not stop; what was requested stays requested
                logger.exception("carry_out failed; tried again in %s s", IDLE_SECONDS)
            services.remediation_owed.wait(0.5 if waiting_soon(services) else IDLE_SECONDS)


def waiting_soon(services: Services) -> bool:
    """Whether something comes due before the next idle round."""
    with services.store.read() as t:
        return bool(remediations.due(t, services.clock() + timedelta(seconds=IDLE_SECONDS)))


def _begin(services: Services, pool: ThreadPoolExecutor, remediation: Remediation, report: Report) -> None:
    now = services.clock()
    with services.store.write() as t:
        ours = remediations.claim(t, remediation, now, now + CLAIM)
    if ours:
        pool.submit(_guarded, services, remediation, report)


def _guarded(services: Services, remediation: Remediation, report: Report) -> None:
    try:
        carry_on(services, remediation, report)
    except Exception:  # the claim expires, and the remediation is found again
        logger.exception("remediation %s failed and will be looked at again", remediation.id)


def carry_on(services: Services, remediation: Remediation, report: Report) -> Remediation:
    """One step: do it, read it back, or look how far Airflow is. Returns it as it was written down."""
    airflow = airflow_of(services, remediation.plan.deployment)
    if isinstance(airflow, Refused):
        return end(services, remediation, Progress.failed, airflow.reason)
    if remediation.progress is Progress.watching and remediation.backfill_id:
        return cancel(services, remediation, airflow)
    if remediation.progress is Progress.watching:
        return watch(services, remediation, airflow, report)
    if remediation.progress is Progress.doing:
        return _read_back(services, remediation, airflow)
    if remediation.stopped_by:
        return _cut_short(services, remediation, airflow, f"{remediation.stopped_by} stopped it")
    return _attempt(services, remediation, airflow)


def _attempt(services: Services, remediation: Remediation, airflow: Airflow) -> Remediation:
    if services.clock() >= remediation.asked_at + PLAN_LIFE:  # the person who confirmed it no longer expects that
        return end(services, remediation, Progress.given_up, "it was not begun within ten minutes")
    lost = None
    if not remediation.plan.options.get("by_itself"):  # the end of a timed pause was allowed with the pause
        lost = no_longer(services, remediation.plan, _second(services, remediation.plan))
    if lost is not None:
        return end(services, remediation, Progress.failed, lost.reason)
    try:
        moved = _moved(airflow, remediation.plan)
    except (Temporary, Permanent) as error:
        return _not_done(services, remediation, airflow, error)
    if moved:
        return end(services, remediation, Progress.moved, moved)
    doing = replace(remediation, progress=Progress.doing, began_at=services.clock(), tally=_executed(remediation, []))
    return _go_on(services, save(services, doing, silent=True, until=CLAIM), airflow)


def _second(services: Services, plan: Plan) -> Person | None:
    with services.store.read() as t:
        found = approvals.find(t, plan.id)
    return Person(found.second_id, found.second) if found is not None and found.second_id else None


def _moved(airflow: Airflow, plan: Plan) -> str:
    """Why the list is no longer the one that was confirmed; empty if it still is."""
    if changed_since(airflow, plan):
        return "the list moved after it was shown"
    if plan.action != "clear" or airflow.can_address_map_index:
        return ""
    # where an index cannot be named, ask once more exactly what clearing these names would touch
    explicit = dry_clear(airflow, [explicit_scope(airflow, plan, step) for step in steps_of(airflow, plan)])
    same = {(c.ref, c.before) for c in explicit} == {(c.ref, c.before) for c in plan.changes}
    return "" if same else "Airflow would clear something else than was shown"


def _go_on(services: Services, doing: Remediation, airflow: Airflow) -> Remediation:
    """Executes the remaining steps in order, and records the progress after each."""
    steps = steps_of(airflow, doing.plan)
    told_at = doing.began_at or services.clock()
    while doing.steps < len(steps):
        if doing.stopped_by:
            return _cut_short(services, doing, airflow, f"{doing.stopped_by} stopped it")
        try:
            if doing.steps and is_overtaken(airflow, doing.plan, steps[doing.steps]):
                return _cut_short(services, doing, airflow, "the list moved meanwhile")
            begun = act(airflow, doing.plan, steps[doing.steps])
        except Temporary as error:
            if error.acted is None:
                return _read_back(services, doing, airflow, error)
            return _not_done(services, doing, airflow, error)
        except Permanent as error:
            return _cut_short(services, doing, airflow, error.message)
        tell = services.clock() - told_at >= TELL_EVERY
        told_at = services.clock() if tell else told_at
        doing = replace(_advance(services, doing, steps, tell=tell), backfill_id=begun or 0)
    return _done(services, doing)


def _advance(services: Services, doing: Remediation, steps: Sequence[Step], *, tell: bool) -> Remediation:
    """Records one more step and extends our claim. It also reads back whether a person has asked to stop."""
    further = replace(doing, steps=doing.steps + 1, version=doing.version + (1 if tell else 0))
    further = replace(further, tally=_executed(further, steps))
    with services.store.write() as t:
        stopped_by = remediations.advance(t, further, services.clock() + CLAIM)
    if tell:
        show(services, further)
    return replace(further, stopped_by=stopped_by)


def _executed(remediation: Remediation, steps: Sequence[Step]) -> dict[str, int]:
    """How many lines have been executed so far, and how many wait."""
    done = sum(len(step.changes) for step in steps[: remediation.steps])
    return {"done": done, "failed": 0, "running": 0, "waiting": len(remediation.plan.changes) - done}


def _done(services: Services, remediation: Remediation) -> Remediation:
    """Finishes what Airflow has done. A clear is watched further; every other action ends here."""
    plan = remediation.plan
    enter(services, remediation, "acted", past_sentence(plan))
    timed_pauses.remember(services, plan)
    if plan.action == "clear":
        return _follow(services, remediation, plan.changes)
    return end(services, remediation, Progress.done, past_sentence(plan), tell=False)


def _follow(services: Services, remediation: Remediation, cleared: Sequence[Change]) -> Remediation:
    states = tally("none" for _ in cleared)
    due = services.clock() + timedelta(seconds=FIRST_LOOK)
    return save(services, replace(remediation, progress=Progress.watching, tally=states, due_at=due, tries=0))


def _cut_short(services: Services, remediation: Remediation, airflow: Airflow, why: str) -> Remediation:
    """Ends it early and names what was done and what was not. What was cleared is watched all the same."""
    steps = steps_of(airflow, remediation.plan)
    done = [change for step in steps[: remediation.steps] for change in step.changes]
    left = [change for step in steps[remediation.steps :] for change in step.changes]
    if not done:
        stopped = bool(remediation.stopped_by)
        return end(services, remediation, Progress.stopped if stopped else Progress.failed, why)
    total = len(done) + len(left)
    answer = f"{len(done)} of {total} were done, {len(left)} were not: {why}. Not done: {named(left)}"
    enter(services, remediation, "partly", f"{answer}. Done: {named(done)}")
    if remediation.plan.action == "clear":
        return _follow(services, replace(remediation, answer=answer), done)
    return end(services, remediation, Progress.partly, answer, tell=False)


def _not_done(
    services: Services, remediation: Remediation, airflow: Airflow, error: Temporary | Permanent
) -> Remediation:
    """This step certainly changed nothing. It is retried until the plan expires, then given up, visibly."""
    if isinstance(error, Permanent):
        return _cut_short(services, remediation, airflow, error.message)
    wait = error.retry_after or full_jitter(remediation.tries, base=2.0, most=20.0, least=1.0)
    due = services.clock() + timedelta(seconds=wait)
    begun = remediation.steps > 0
    if due >= remediation.plan.expires_at:
        if begun:
            return _cut_short(services, remediation, airflow, error.message)
        return end(services, remediation, Progress.given_up, error.message)
    if remediation.tries == 0:
        until = remediation.plan.expires_at
        enter(services, remediation, "waiting", f"{error.message}; tried again until {until:%H:%M} UTC")
    progress = Progress.doing if begun else Progress.asked
    later = replace(remediation, due_at=due, tries=remediation.tries + 1, answer=error.message, progress=progress)
    return save(services, later)


def _read_back(
    services: Services, remediation: Remediation, airflow: Airflow, error: Temporary | None = None
) -> Remediation:
    """After a lost answer or a crash, reads back from Airflow whether the current step was executed."""
    try:
        steps = steps_of(airflow, remediation.plan)
        done = remediation.steps >= len(steps) or is_done(airflow, remediation.plan, steps[remediation.steps])
    except (Temporary, Permanent) as again:
        if services.clock() < remediation.plan.expires_at:
            due = services.clock() + timedelta(seconds=5)
            answer = f"no answer came, and it is read back: {again.message}"
            return save(services, replace(remediation, due_at=due, tries=remediation.tries + 1, answer=answer))
        return end(services, remediation, Progress.unknown, again.message)
    if done:
        further = replace(remediation, steps=min(remediation.steps + 1, len(steps)), answer="")
        return _go_on(services, further, airflow)
    if remediation.stopped_by:
        return _cut_short(services, remediation, airflow, f"{remediation.stopped_by} stopped it")
    if error is None and remediation.steps:  # we crashed or waited between two steps: the next one was not begun
        return _go_on(services, replace(remediation, answer=""), airflow)
    cause = error or Temporary("the first attempt did not reach Airflow", 1.0)
    return _not_done(services, remediation, airflow, cause)
