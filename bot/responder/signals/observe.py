"""Turns stored signals into incidents, in batches of a handful of statements each.

A batch's changes and the mark of how far it got are one transaction, so no signal is counted twice or skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from bot.core.incidents import lifecycle
from bot.core.incidents.alert import Kind, Place
from bot.core.incidents.incident import LATER_RUN, Entry, Incident, State
from bot.core.incidents.routing import RETRYING, Placement
from bot.core.incidents.runbook import best
from bot.core.signals.signal import Family, Mood, Signal
from bot.core.signals.signature import Signature
from bot.core.signals.wire import parse_stored
from bot.responder.services import Services
from bot.responder.signals import retry_warnings
from bot.responder.signals.changes import Changes, flush_subjects, known_in, write
from bot.responder.signals.check_refresh import refresh
from bot.responder.signals.placement import place, quiet, run_thing
from bot.store import alerts, incidents
from bot.store.driver.encoding import digest
from bot.store.signals import signals
from bot.store.signals.signal_rows import row_of
from bot.store.signals.signals import Stored
from bot.store.silences import active_silences

BATCH = 2_000  # signals that are observed at once


def report(services: Services, told: Sequence[Signal]) -> list[Signal]:
    """Stores and observes in one call, for callers without an observer. Returns the signals that were new."""
    with services.store.taking() as t:
        news = signals.take(t, [row_of(signal) for signal in told], services.clock())
    while observe(services, BATCH):
        pass
    return [signal for signal, is_news in zip(told, news, strict=True) if is_news]


def observe(services: Services, most: int) -> int:
    """Observes the next `most` stored signals that were not observed yet. Returns the id up to which all are observed,
    0 if there was nothing to do. Everything is committed when it returns; if it raises, nothing was changed."""
    with services.store.read() as t:
        stored = signals.after(t, signals.observed(t), most)
    return observe_these(services, stored) if stored else 0


def observe_these(services: Services, stored: Sequence[Stored]) -> int:
    """The same for signals already read: consecutive, oldest first. Skips those that another replica has observed."""
    opened = [_Opened(services, one) for one in stored]
    with services.store.observing() as t:
        before = signals.observed(t)
        left = [one for one in opened if one.id > before]
        if not left:
            return before
        now = services.clock()
        fresh = [one for one in left if not one.again]
        if any(one.matters for one in fresh):
            _observe_all(services, t, fresh, now)
        learnt = [_learn_why(services, t, [one], now) for one in left if one.again and not one.signal.check]
        learnt.append(refresh(t, [one.signal for one in left if one.again and one.signal.check]))
        signals.set_observed(t, left[-1].id)
    if again := [one.id for one in left if one.again]:
        signals.drop_told_again(services.store, [before, *again])
    if fresh or any(learnt):
        services.wake()
    return left[-1].id


class _Opened:
    """A stored signal and, if it reports a failure, its signature and placement, computed before the transaction."""

    def __init__(self, services: Services, stored: Stored) -> None:
        self.id, self.again = stored.id, stored.again
        self.signal = parse_stored(stored.body, stored.received_at)
        sick = self.signal.mood is Mood.sick or (services.policy.warns and self.signal.kind == RETRYING)
        self.placed = (self.signal, *place(services, self.signal)) if sick else None
        warns = self.placed is not None and self.placed[2].warns
        self.matters = self.signal.mood is not Mood.neutral or warns  # a retry only where a route asks for a warning


def _learn_why(services: Services, t: Connection, again: Sequence[_Opened], now: datetime) -> bool:
    """Adds the exception to a failure that was first reported without it (by the sweep, while the hook's report lay in
    a spool). It is not a second failure, but the message now says why. True if anything was added."""
    by_thing = {digest(one.signal.thing): one for one in again}
    told_as = {i: by_thing[thing] for thing, i, _ in incidents.sick_of(t, [one.signal.thing for one in again])}
    learnt = False
    for known in incidents.many(t, told_as):
        one = told_as[known.id]
        if known.exemplar.exception or known.exemplar.identity != one.signal.identity or one.placed is None:
            continue
        book = best(services.runbooks, one.signal)
        seen = lifecycle.enrich(known, one.signal, one.placed[1], one.placed[2], book.name if book else "", now)
        incidents.save(t, seen.incident)
        alerts.ring(t, seen.incident, services.pagers)
        if seen.entry is not None:
            incidents.add_entry(t, known.id, seen.entry)
        alerts.hurry(t, known.id, now)
        learnt = True
    return learnt


def _observe_all(services: Services, t: Connection, fresh: Sequence[_Opened], now: datetime) -> None:
    """Observes failures and recoveries in the order in which they came, in as few steps as that order allows."""
    changes = Changes(now, active_silences(t, now))
    for mood, group in _stretches(fresh):
        if mood is Mood.sick:
            _take_sick(services, t, changes, group)
        elif mood is Mood.well:
            _take_well(t, changes, [one.signal for one in group])
        else:
            _take_retries(services, t, changes, group)
    write(services, t, changes)


def _stretches(told: Sequence[_Opened]) -> Iterable[tuple[Mood, list[_Opened]]]:
    """Groups consecutive signals of the same mood: sick, well or neutral."""
    matters = (one for one in told if one.matters)
    return ((mood, list(group)) for mood, group in groupby(matters, key=lambda one: one.signal.mood))


def _take_sick(services: Services, t: Connection, changes: Changes, told: list[_Opened]) -> None:
    told, explained = _apart_from_explained_runs(t, changes, told)
    placed = [one.placed for one in told if one.placed]
    _look_up(services, t, changes, placed)
    if services.policy.warns:
        flush_subjects(t, changes)
        changes.warned = retry_warnings.warned(t, [one[0] for one in placed], lambda i: known_in(t, changes, i))
    tasks = {run_thing(signal): signal for signal, _, _ in placed if signal.family is Family.task}
    silent = incidents.sick_of(t, tasks) if tasks else []
    changes.silent_runs = {thing: incident_id for thing, incident_id, _ in silent}
    for signal, signature, placement in placed:
        _take_one(services, t, changes, signal, signature, placement)
    if silent:
        _explain_runs(t, changes, tasks, silent)
    for warning, by in retry_warnings.end(t, changes.warned, changes.sick, changes.now) if changes.warned else ():
        changes.keep(lifecycle.explain(known_in(t, changes, warning), f"A-{by}", changes.now))
    if explained:
        _weigh_explained_runs(t, changes, explained)


def _take_retries(services: Services, t: Connection, changes: Changes, told: list[_Opened]) -> None:
    """Takes retries that a route wants a warning for. A task that has failed for good already needs none."""
    placed = [one.placed for one in told if one.placed]
    _look_up(services, t, changes, placed)
    flush_subjects(t, changes)
    failed = retry_warnings.failed(t, [one.signal for one in told], lambda i: known_in(t, changes, i))
    for signal, signature, placement in placed:
        if digest(signal.thing) not in failed:
            _take_one(services, t, changes, signal, signature, placement)


def _look_up(
    services: Services, t: Connection, changes: Changes, placed: Sequence[tuple[Signal, Signature, Placement]]
) -> None:
    """Loads the incidents that these may belong to."""
    missing = {placement.key for _, _, placement in placed} - changes.by_key.keys()
    found = incidents.by_keys(t, missing, changes.now - services.policy.reopen_within) if missing else {}
    for incident in found.values():
        changes.by_key[incident.key] = changes.known.setdefault(incident.id, incident)


def _take_one(
    services: Services, t: Connection, changes: Changes, signal: Signal, signature: Signature, placement: Placement
) -> None:
    silence = quiet(services, changes.silences, signal, signature.name, placement.severity, changes.now)
    known = _of_key(t, changes, signal, placement)
    warned = changes.warned.get(digest(signal.thing)) if known is None or known.state is State.resolved else None
    silent = (
        changes.silent_runs.get(digest(run_thing(signal))) if known is None and signal.family is Family.task else None
    )
    if warned is not None and (warning := known_in(t, changes, warned)).exemplar.kind == RETRYING:
        changes.by_key.pop(warning.key, None)
        book = best(services.runbooks, signal)
        known = changes.keep(
            lifecycle.give_up(warning, signal, signature, placement, book.name if book else "", changes.now)
        )
    elif silent is not None and (run := known_in(t, changes, silent)).family is Family.run:
        book = best(services.runbooks, signal)
        known = changes.keep(lifecycle.adopt(run, signal, signature, placement, book.name if book else "", changes.now))
        services.news.set()
    elif known is None:
        book = best(services.runbooks, signal)
        begun = lifecycle.begin(
            signal, signature, placement, signal.runbook or (book.name if book else ""), silence, changes.now
        )
        begun = replace(begun, incident=incidents.add(t, begun.incident))
        known = changes.keep(begun)
        alerts.ensure(t, known.id, Place(Kind.slack, known.channel), changes.now)
        services.news.set()
    else:
        if known.state is State.resolved:
            services.news.set()
        known = changes.keep(lifecycle.observe(known, signal, placement, silence, changes.now))
    changes.sick.append((known.id, signal))


def _of_key(t: Connection, changes: Changes, signal: Signal, placement: Placement) -> Incident | None:
    """The incident with that key, unless too much time has passed for it to take one more failure."""
    known = changes.by_key.get(placement.key)
    if known is None or lifecycle.belongs(known, signal, placement):
        return known
    retired = lifecycle.retire(changes.by_key.pop(placement.key))
    changes.known[retired.id] = retired
    incidents.save(t, retired)  # saved now, because the next incident takes its key
    return None


def _apart_from_explained_runs(
    t: Connection, changes: Changes, told: list[_Opened]
) -> tuple[list[_Opened], list[_Opened]]:
    """Separates failed runs whose failed task was reported; they need no separate message."""
    runs = [one.signal.run for one in told if one.signal.kind == "run_failed"]
    if not runs:
        return told, []
    flush_subjects(t, changes)
    explained = set(incidents.explained_runs(t, runs))
    explained |= {one.signal.run for one in told if one.signal.family is Family.task}
    apart = [one for one in told if one.signal.kind == "run_failed" and one.signal.run in explained]
    return [one for one in told if one not in apart] if apart else told, apart


def _weigh_explained_runs(t: Connection, changes: Changes, explained: Sequence[_Opened]) -> None:
    """Makes the incident of a run's failed task as severe as the run: a route may ask more of runs than of tasks."""
    flush_subjects(t, changes)
    by_run = incidents.explained_runs(t, [one.signal.run for one in explained])
    for one in explained:
        known = known_in(t, changes, by_run[one.signal.run]) if one.signal.run in by_run else None
        if known is None or known.state is State.resolved or one.placed is None:
            continue
        seen = lifecycle.weigh(known, one.signal, one.placed[2], changes.now)
        if seen is not None:
            changes.keep(seen)


def _explain_runs(
    t: Connection, changes: Changes, tasks: Mapping[str, Signal], silent: Sequence[tuple[str, int, int]]
) -> None:
    """Handles failed runs whose failed task was reported later. If another incident says more, the run's ends."""
    incidents.set_well(t, [subject_id for _, _, subject_id in silent], changes.now)
    by_digest = {digest(thing): signal for thing, signal in tasks.items()}
    for thing, incident_id, subject_id in silent:
        placed = next(i for i, signal in reversed(changes.sick) if signal is by_digest[thing])
        known = known_in(t, changes, incident_id)
        if placed == incident_id:
            incidents.forget(t, subject_id)  # its task is counted already; one failure must not count twice
        if placed != incident_id and known.family is Family.run and not incidents.sick_count(t, incident_id):
            changes.keep(lifecycle.explain(known, f"A-{placed}", changes.now))


def _take_well(t: Connection, changes: Changes, told: Sequence[Signal]) -> None:
    """Marks exactly the subjects that Airflow reports as recovered, and nothing else."""
    flush_subjects(t, changes)
    by_thing = {digest(thing): signal for signal in told for thing in signal.heals()}
    found = incidents.sick_now(t, {thing for signal in told for thing in signal.heals()})
    healed = [one for one in found if not by_thing[one.thing].is_older_than(one.failed_at, one.try_number)]
    incidents.set_well(t, [one.subject_id for one in healed], changes.now)
    for incident_id, signal in {one.incident_id: by_thing[one.thing] for one in healed}.items():
        known = known_in(t, changes, incident_id)
        changes.keep(lifecycle.heal(known, incidents.sick_count(t, incident_id), signal, changes.now))
    for signal in told:
        if signal.kind == "run_succeeded" and signal.run_id.startswith(incidents.SCHEDULED):
            _note_later_run(t, changes, signal)


def _note_later_run(t: Connection, changes: Changes, signal: Signal) -> None:
    """Notes once that a later scheduled run succeeded while an earlier one is still failed; the incident stays open."""
    for incident_id, run_id in incidents.sick_earlier_runs(t, signal.deployment, signal.dag_id, signal.run_id).items():
        known = known_in(t, changes, incident_id)
        noted = any(number == incident_id and entry.what == LATER_RUN for number, entry in changes.entries)
        since = known.reopened_at or known.opened_at
        if not noted and not incidents.has_entry(t, incident_id, LATER_RUN, since):
            said = f"A later run succeeded ({signal.run_id}); {run_id} of {signal.dag_id} is still failed"
            changes.keep(lifecycle.note(known, Entry(max(signal.occurred_at, since), LATER_RUN, said)))
