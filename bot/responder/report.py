"""report: signals come in, incidents open, grow, or are well again; all of one batch in one transaction.

Hard cases: 10,000 failures in ten seconds (a batch costs a handful of statements, however large it is); a run reported
failed before or after its task (one incident, not two); a signal told twice (counted once), also to two replicas at once
(one of them waits for the other). Rule: when this returns, all of
it is committed; when it raises, none of it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bot.core import incident as life
from bot.core.alert import Kind, Place
from bot.core.incident import Entry, Incident, State
from bot.core.maintenance import covering
from bot.core.policy import Placement, Silence, route
from bot.core.runbook import best
from bot.core.signal import Family, Mood, Signal, thing_key
from bot.core.signature import Signature, sign
from bot.responder.desk import Desk
from bot.store import alerts, incidents, memory, signals
from bot.store.tables import digest


@dataclass
class _Sheet:
    """The working copy of one batch: incidents by id as they change, and what is to be written at its end."""

    now: datetime
    silences: Sequence[Silence]
    known: dict[int, Incident] = field(default_factory=dict)
    by_key: dict[str, Incident] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    sick: list[tuple[int, Signal]] = field(default_factory=list)
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    silent_runs: dict[str, int] = field(default_factory=dict)  # a failed run without a task yet → its incident

    def keep(self, observation: life.Observation) -> Incident:
        incident = observation.incident
        self.known[incident.id] = self.by_key[incident.key] = incident
        self.changed.add(incident.id)
        if observation.entry is not None:
            self.entries.append((incident.id, observation.entry))
        return incident


def report(desk: Desk, told: Sequence[Signal]) -> list[Signal]:
    """Takes a batch of signals; returns those that were news. Committed when it returns."""
    now = desk.clock()
    with desk.store.write(alone=True) as t:
        fresh = signals.take(t, told, now)
        if fresh:
            _observe_all(desk, t, fresh, now)
        news = {id(signal) for signal in fresh}
        again = [s for s in told if s.kind == "task_failed" and s.exception.type and id(s) not in news]
        learnt = _learn_why(desk, t, again, now) if again else False
    if fresh or learnt:
        desk.wake()
    return fresh


def _learn_why(desk: Desk, t: Connection, again: Sequence[Signal], now: datetime) -> bool:
    """A failure that was told without its exception (by the sweep, while the hook's report lay in a spool) and is told
    again with it: no second failure, but the message says why."""
    by_thing = {digest(signal.thing): signal for signal in again}
    told_as = {i: by_thing[thing] for thing, i, _ in incidents.sick_of(t, [signal.thing for signal in again])}
    learnt = False
    for known in incidents.many(t, told_as):
        signal = told_as[known.id]
        if known.exemplar.exception or known.exemplar.identity != signal.identity:
            continue
        signature, _ = place(desk, signal)
        book = best(desk.runbooks, signal)
        seen = life.enrich(known, signal, signature, book.name if book else "")
        incidents.save(t, seen.incident)
        if seen.entry is not None:
            incidents.add_entry(t, known.id, seen.entry)
        alerts.hurry(t, known.id, now)
        learnt = True
    return learnt


def _observe_all(desk: Desk, t: Connection, fresh: Sequence[Signal], now: datetime) -> None:
    """Sick and well ones in the order in which they came, in as few steps as that order allows."""
    sheet = _Sheet(now, memory.active_silences(t, now))
    for mood, group in _stretches(fresh):
        if mood is Mood.sick:
            _take_sick(desk, t, sheet, group)
        elif mood is Mood.well:
            _take_well(t, sheet, group)
    _write(desk, t, sheet)


def _stretches(told: Sequence[Signal]) -> Iterable[tuple[Mood, list[Signal]]]:
    stretch: list[Signal] = []
    for signal in told:
        if signal.mood is Mood.neutral:
            continue
        if stretch and stretch[-1].mood is not signal.mood:
            yield stretch[-1].mood, stretch
            stretch = []
        stretch.append(signal)
    if stretch:
        yield stretch[-1].mood, stretch


def _take_sick(desk: Desk, t: Connection, sheet: _Sheet, told: list[Signal]) -> None:
    told = _without_explained_runs(t, sheet, told)
    placed = [(signal, *place(desk, signal)) for signal in told]
    missing = {placement.key for _, _, placement in placed} - sheet.by_key.keys()
    if missing:
        for incident in incidents.by_keys(t, missing, sheet.now - desk.policy.reopen_within).values():
            sheet.by_key[incident.key] = sheet.known.setdefault(incident.id, incident)
    tasks = {run_thing(signal): signal for signal in told if signal.family is Family.task}
    silent = incidents.sick_of(t, tasks) if tasks else []
    sheet.silent_runs = {thing: incident_id for thing, incident_id, _ in silent}
    for signal, signature, placement in placed:
        _take_one(desk, t, sheet, signal, signature, placement)
    if silent:
        _explain_runs(t, sheet, tasks, silent)


def _take_one(
    desk: Desk, t: Connection, sheet: _Sheet, signal: Signal, signature: Signature, placement: Placement
) -> None:
    silence = quiet(desk, sheet.silences, signal, signature.name, sheet.now)
    known = sheet.by_key.get(placement.key)
    silent = (
        sheet.silent_runs.get(digest(run_thing(signal))) if known is None and signal.family is Family.task else None
    )
    if silent is not None and (run := _known(t, sheet, silent)).family is Family.run:
        book = best(desk.runbooks, signal)
        known = sheet.keep(life.adopt(run, signal, signature, placement, book.name if book else "", sheet.now))
        desk.news.set()
    elif known is None:
        book = best(desk.runbooks, signal)
        begun = life.begin(
            signal, signature, placement, signal.runbook or (book.name if book else ""), silence, sheet.now
        )
        begun = replace(begun, incident=incidents.add(t, begun.incident))
        known = sheet.keep(begun)
        alerts.ensure(t, known.id, Place(Kind.slack, known.channel), sheet.now)
        desk.news.set()
    else:
        if known.state is State.resolved:
            desk.news.set()
        known = sheet.keep(life.observe(known, signal, placement, silence, sheet.now))
    sheet.sick.append((known.id, signal))


def quiet(desk: Desk, silences: Sequence[Silence], signal: Signal, signature: str, now: datetime) -> Silence | None:
    """The silence that covers a signal: a person's first, then an open maintenance window's."""
    by_person = next((silence for silence in silences if silence.covers(signal, signature, now)), None)
    return by_person or covering(desk.maintenance, signal, signature, now)


def place(desk: Desk, signal: Signal) -> tuple[Signature, Placement]:
    """What a failing signal is grouped with and where it is seen. Nobody is said to be rung where nobody can be."""
    signature = _sign(signal)
    placement = route(signal, signature.name, desk.policy)
    return signature, placement if desk.pages else replace(placement, page_after=None)


def _sign(signal: Signal) -> Signature:
    if signal.family is Family.task and signal.exception:
        return sign(signal.exception.type, signal.exception.message, signal.exception.traceback)
    return sign(signal.kind, signal.check or signal.exception.type)


def _without_explained_runs(t: Connection, sheet: _Sheet, told: list[Signal]) -> list[Signal]:
    """A failed run whose failed task was reported needs no message of its own."""
    runs = [signal.run for signal in told if signal.kind == "run_failed"]
    if not runs:
        return told
    _flush_subjects(t, sheet)
    explained = incidents.run_is_explained(t, runs)
    explained |= {signal.run for signal in told if signal.family is Family.task}
    return [signal for signal in told if not (signal.kind == "run_failed" and signal.run in explained)]


def run_thing(signal: Signal) -> str:
    """The key of the run that a task's signal belongs to, as a thing of its own."""
    return thing_key(Family.run, signal.deployment, signal.dag_id, signal.run_id)


def _explain_runs(
    t: Connection, sheet: _Sheet, tasks: Mapping[str, Signal], silent: Sequence[tuple[str, int, int]]
) -> None:
    """Failed runs whose failed task was told after them: where another incident says more, the run's own ends."""
    incidents.set_well(t, [subject_id for _, _, subject_id in silent], sheet.now)
    by_digest = {digest(thing): signal for thing, signal in tasks.items()}
    for thing, incident_id, subject_id in silent:
        placed = next(i for i, signal in reversed(sheet.sick) if signal is by_digest[thing])
        known = _known(t, sheet, incident_id)
        if placed == incident_id:
            incidents.forget(t, subject_id)  # its task is counted, and a failure is not two
        if placed != incident_id and known.family is Family.run and not incidents.sick_count(t, incident_id):
            sheet.keep(life.explain(known, f"A-{placed}", sheet.now))


def _take_well(t: Connection, sheet: _Sheet, told: Sequence[Signal]) -> None:
    healed = {digest(thing): signal for signal in told for thing in signal.heals()}
    _flush_subjects(t, sheet)
    found = incidents.sick_of(t, {thing for signal in told for thing in signal.heals()})
    for signal in told:
        if signal.kind == "run_succeeded" and "__" in signal.run_id:
            earlier = incidents.sick_in_earlier_runs(t, signal.deployment, signal.dag_id, signal.run_id)
            healed |= {thing: signal for thing, _, _ in earlier if thing not in healed}
            found += [one for one in earlier if one not in found]
    if not found:
        return
    incidents.set_well(t, [subject_id for _, _, subject_id in found], sheet.now)
    last = {incident_id: healed[thing] for thing, incident_id, _ in found}
    for incident_id, signal in last.items():
        known = _known(t, sheet, incident_id)
        sheet.keep(life.heal(known, incidents.sick_count(t, incident_id), signal, sheet.now))


def _known(t: Connection, sheet: _Sheet, incident_id: int) -> Incident:
    if incident_id not in sheet.known:
        sheet.known[incident_id] = incidents.many(t, [incident_id])[0]
    return sheet.known[incident_id]


def _flush_subjects(t: Connection, sheet: _Sheet) -> None:
    incidents.add_subjects(t, sheet.sick)
    sheet.sick = []


def _write(desk: Desk, t: Connection, sheet: _Sheet) -> None:
    _flush_subjects(t, sheet)
    for incident_id in sorted(sheet.changed):
        changed = sheet.known[incident_id]
        incidents.save(t, changed)
        if changed.page_at is not None and desk.pages:
            alerts.ensure(t, incident_id, Place(Kind.pagerduty), changed.page_at)
    for incident_id, entry in sheet.entries:
        incidents.add_entry(t, incident_id, entry)
