"""Incidents: one trouble with a life, and the pure functions that move it along.

Hard cases: two people press at once (the second is told who was first); the trouble comes back minutes after it was
resolved (the same incident is opened again, and says how often); a run is reported failed before its task is (the task
explains the run). Rule: every change makes `version` grow by one, which is all that makes an alert owed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.core.access import Person
from bot.core.deployment import TaskRef
from bot.core.errors import Refused
from bot.core.policy import RETRYING, Placement, Severity, Silence
from bot.core.signal import SEPARATOR, Family, Signal
from bot.core.signature import Signature

LATER_RUN = "later run"  # what a timeline's line says of a run that heals nothing


class State(StrEnum):
    """Open: somebody must take it. Acknowledged: somebody has it. Resolved: over."""

    open = "open"
    acknowledged = "acknowledged"
    resolved = "resolved"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. `who` is a person's name, or empty for Windsock and Airflow themselves; `what` is one word
    (opened, reopened, acknowledged, asked, cleared, resolved, …); `text` is a plain sentence without markup."""

    at: datetime
    what: str
    text: str
    who: str = ""
    who_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble. `exemplar` is the latest failing signal, the one that a message shows; `times` counts how often it
    was opened; `context` holds what Airflow told us about it since; `escalated_at` is when a person asked to ring, since when
    a holder or a silence from before that keeps nobody asleep."""

    id: int
    key: str
    deployment: str
    family: Family
    state: State
    severity: Severity
    signature: str
    masked: str
    channel: str
    version: int
    opened_at: datetime
    last_at: datetime
    exemplar: Signal
    route: str = "root"
    runbook: str = ""
    times: int = 1
    reopened_at: datetime | None = None
    holder: Person | None = None
    held_at: datetime | None = None
    last_holder: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: str = ""
    silence: Silence | None = None
    page_at: datetime | None = None
    escalated_at: datetime | None = None
    mention: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`A-12`, how people call it."""
        return f"A-{self.id}"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that an incident is about, and since when it is well again (None: still sick)."""

    incident_id: int
    family: Family
    deployment: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    name: str
    hostname: str
    source: str
    failed_at: datetime
    well_at: datetime | None

    @property
    def ref(self) -> TaskRef:
        """The task instance that this is, for Airflow."""
        return TaskRef(self.dag_id, self.run_id, self.task_id, self.map_index)


@dataclass(frozen=True, slots=True)
class Counts:
    """How large an incident is: `failures` counts subjects down to the try (retries are none), `things` without it, `sick`
    those not yet well, `recent` those since a given moment; `dags` pairs each DAG with its failures, largest first."""

    failures: int = 0
    things: int = 0
    sick: int = 0
    recent: int = 0
    dags: tuple[tuple[str, int], ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """The incident after a signal or a press, the timeline's line if it is worth one, and why."""

    incident: Incident
    entry: Entry | None
    why: str


def begin(
    signal: Signal,
    signature: Signature,
    placement: Placement,
    runbook: str,
    silence: Silence | None,
    now: datetime,
) -> Observation:
    """A new incident (its id is given by the store)."""
    quiet = silence is not None
    incident = Incident(
        id=0, key=placement.key, deployment=signal.deployment, family=signal.family, state=State.open,
        severity=placement.severity, signature=signature.name, masked=signature.masked, channel=placement.channel,
        version=1, opened_at=signal.occurred_at, last_at=signal.occurred_at, exemplar=signal, route=placement.route,
        runbook=runbook, silence=silence, mention=placement.mention,
        page_at=None if quiet or placement.page_after is None else now + placement.page_after,
    )  # fmt: skip
    entry = Entry(signal.occurred_at, "opened", opening_sentence(signal))
    return Observation(incident, entry, f"opened: {placement.why}")


def opening_sentence(signal: Signal) -> str:
    """The first line of a timeline: what was reported, in plain words."""
    if signal.sentence:
        return signal.sentence
    if signal.family is Family.task:
        cause = signal.exception.type or "no exception reported"
        tries = f"try {signal.try_number}/{(signal.max_tries or 0) + 1}, " if signal.max_tries is not None else ""
        retried = ", it will be tried again" if signal.kind == RETRYING else ""
        return f"{signal.label} failed, {tries}{cause}{retried}"
    return f"{signal.label}: {signal.kind.replace('_', ' ')}"


def observe(
    known: Incident, signal: Signal, placement: Placement, silence: Silence | None, now: datetime
) -> Observation:
    """What one more failing signal does to an incident that exists: it is refreshed, or opened again."""
    worst = max(known.severity, placement.severity, key=lambda severity: severity.rank)
    fresh = replace(
        known, version=known.version + 1, severity=worst, last_at=max(known.last_at, signal.occurred_at),
        opened_at=min(known.opened_at, signal.occurred_at) if known.state is not State.resolved else known.opened_at,
        exemplar=_better(known.exemplar, signal),
    )  # fmt: skip
    if known.state is not State.resolved:
        return _refreshed(known, fresh, signal, placement, silence, now)
    page_at = None if silence or placement.page_after is None else now + placement.page_after
    fresh = replace(
        fresh, state=State.open, times=known.times + 1, reopened_at=signal.occurred_at, exemplar=signal, holder=None,
        held_at=None, last_holder=known.holder.name if known.holder else known.last_holder, resolved_at=None,
        resolved_by="", resolution="", silence=silence, page_at=page_at, escalated_at=None,
    )  # fmt: skip
    entry = Entry(signal.occurred_at, "reopened", f"Failed again, {_nth(fresh.times)} time")
    return Observation(fresh, entry, "reopened: it came back within the window")


def _refreshed(
    known: Incident, fresh: Incident, signal: Signal, placement: Placement, silence: Silence | None, now: datetime
) -> Observation:
    """One more failure of an incident that is open or held. One that makes it worse is news for everyone who should hear it: the
    person who has it, or who silenced it, decided about something less."""
    worse = placement.severity.rank > known.severity.rank
    rings = known.state is State.open and not (silence or known.silence)
    if placement.page_after is not None and (rings or (worse and silence is None)):
        at = now + placement.page_after
        fresh = replace(fresh, page_at=min(known.page_at or at, at))  # the earlier time decides
        fresh = fresh if rings else replace(fresh, escalated_at=now)
    if not worse:
        return Observation(fresh, None, "refreshed: the same cause again")
    fresh = replace(fresh, mention=placement.mention or known.mention)
    entry = Entry(
        now,
        "worse",
        f"{str(fresh.severity).capitalize()} now: {signal.label} failed of the same cause{_although(known)}",
    )
    return Observation(fresh, entry, f"refreshed: {known.severity} became {fresh.severity}")


def _although(known: Incident) -> str:
    if known.holder is not None:
        return f"; {known.holder.name} took it when it was {known.severity}"
    return f"; it was silenced when it was {known.severity}" if known.silence is not None else ""


def refresh(known: Incident, signal: Signal) -> Observation | None:
    """A check's finding that was told before, with today's figures: the sentence grows, and nothing is counted or written into
    the timeline. None where nothing new is said, or it was said in this very minute."""
    shown = known.exemplar
    same = (shown.sentence, shown.extra) == (signal.sentence, signal.extra)
    if known.state is State.resolved or same or minute(signal.occurred_at) <= minute(shown.occurred_at):
        return None
    return Observation(replace(known, exemplar=signal, version=known.version + 1), None, "refreshed: its figures")


def minute(moment: datetime) -> datetime:
    """The minute that a moment is in."""
    return moment.replace(second=0, microsecond=0)


def belongs(known: Incident, signal: Signal, placement: Placement) -> bool:
    """Whether one more failure of this key is the same trouble. Where the placement says for how long, a later one is not."""
    return placement.within is None or signal.occurred_at - known.last_at <= placement.within


def retire(known: Incident) -> Incident:
    """An incident that takes no more failures, open or not: its key is free for the next trouble of its kind. It is still
    healed by its subjects, and a person may open it again."""
    return replace(known, key=SEPARATOR.join((known.key, "until", known.name)))


def heal(known: Incident, still_sick: int, signal: Signal, now: datetime) -> Observation:
    """What a report of well-being does: the incident is resolved when nothing of it is sick any more."""
    if known.state is State.resolved:
        return Observation(known, None, "already resolved")
    if still_sick:
        return Observation(replace(known, version=known.version + 1), None, f"{still_sick} still sick")
    return _resolved(known, max(signal.occurred_at, known.last_at), "", "", _healing_sentence(signal), now)


def _healing_sentence(signal: Signal) -> str:
    if signal.sentence:
        return signal.sentence
    if signal.family is Family.task:
        return f"Well again: try {signal.try_number} of {signal.label} succeeded"
    if signal.family is Family.run:
        return f"Well again: run {signal.run_id} of {signal.dag_id} succeeded"
    return f"Well again: {signal.label}"


def adopt(
    known: Incident, signal: Signal, signature: Signature, placement: Placement, runbook: str, now: datetime
) -> Observation:
    """A run's incident whose failed task is told after all, and whose cause is new: it becomes the task's incident, so
    that one trouble stays one message."""
    worst = max(known.severity, placement.severity, key=lambda severity: severity.rank)
    rings = placement.page_after is not None and known.page_at is None and known.silence is None
    fresh = replace(
        known, key=placement.key, family=signal.family, exemplar=signal, signature=signature.name, masked=signature.masked,
        runbook=runbook, severity=worst, version=known.version + 1, last_at=max(known.last_at, signal.occurred_at),
        page_at=now + placement.page_after if rings and placement.page_after is not None else known.page_at,
    )  # fmt: skip
    return Observation(
        fresh, Entry(signal.occurred_at, "explained", opening_sentence(signal)), "adopted: the run's task was told"
    )


def give_up(
    known: Incident, signal: Signal, signature: Signature, placement: Placement, runbook: str, now: datetime
) -> Observation:
    """What was retried fails for good: the warning becomes the error, in the same message, and whoever has it keeps it."""
    became = adopt(known, signal, signature, placement, runbook, now).incident
    became = replace(became, route=placement.route, mention=placement.mention)
    entry = Entry(signal.occurred_at, "failed", opening_sentence(signal))
    return Observation(became, entry, "failed for good: no try is left")


def enrich(known: Incident, signal: Signal, signature: Signature, runbook: str) -> Observation:
    """The sweep told a failure first, and now its hook tells why: the message learns the exception, the group stays."""
    fresh = replace(known, exemplar=signal, signature=signature.name, masked=signature.masked, version=known.version + 1,
                    runbook=runbook or known.runbook)  # fmt: skip
    return Observation(
        fresh, Entry(signal.occurred_at, "explained", opening_sentence(signal)), "enriched: the hook told why"
    )


def explain(known: Incident, by: str, now: datetime) -> Observation:
    """A run's incident whose failed task was reported after all: the task's incident says more, this one ends."""
    return _resolved(known, now, "", f"told by {by}", f"Explained by {by}", now)


def _resolved(
    known: Incident, at: datetime, who: str, how: str, sentence: str, now: datetime, who_id: str = ""
) -> Observation:
    done = replace(
        known, state=State.resolved, version=known.version + 1, resolved_at=at, resolved_by=who, resolution=how,
        last_holder=known.holder.name if known.holder else known.last_holder, silence=None,
    )  # fmt: skip
    return Observation(done, Entry(now, "resolved", sentence, who, who_id), "resolved")


def press(incident: Incident, verb: str, person: Person, now: datetime, note: str = "") -> Observation | Refused:
    """What a person's press does to the incident itself: acknowledge, unacknowledge, resolve, reopen, escalate."""
    moves = {"acknowledge": _acknowledge, "unacknowledge": _unacknowledge, "resolve": _resolve, "reopen": _reopen,
             "escalate": _escalate}  # fmt: skip
    return moves[verb](incident, person, now, note)


def _acknowledge(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved already.", f"reopen {incident.name}")
    if incident.holder and incident.holder.id == person.id:
        return Refused(f"You have {incident.name} already.", f"resolve {incident.name}")
    if incident.holder:
        return Refused(f"{incident.holder.name} has {incident.name} already.", f"unack {incident.name}")
    held = replace(incident, state=State.acknowledged, version=incident.version + 1, holder=person, held_at=now)
    return Observation(
        held, Entry(now, "acknowledged", note or f"{person.name} has it", person.name, person.id), "taken"
    )


def _unacknowledge(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is not State.acknowledged or incident.holder is None:
        return Refused(f"Nobody has {incident.name}.", f"ack {incident.name}")
    free = replace(incident, state=State.open, version=incident.version + 1, holder=None, held_at=None,
                   last_holder=incident.holder.name)  # fmt: skip
    text = note or f"{person.name} gave it back"
    return Observation(free, Entry(now, "unacknowledged", text, person.name, person.id), "given back")


def _resolve(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        who = f" by {incident.resolved_by}" if incident.resolved_by else ""
        return Refused(f"{incident.name} was resolved{who} already.", f"reopen {incident.name}")
    text = note or f"{person.name} resolved it"
    return _resolved(incident, now, person.name, note or f"{person.name} resolved it by hand", text, now, person.id)


def _reopen(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is not State.resolved:
        return Refused(f"{incident.name} is open already.", f"ack {incident.name}")
    fresh = replace(incident, state=State.open, version=incident.version + 1, resolved_at=None, resolved_by="",
                    resolution="", reopened_at=now, times=incident.times + 1, holder=None, held_at=None,
                    escalated_at=None)  # fmt: skip
    text = note or f"{person.name} opened it again"
    return Observation(fresh, Entry(now, "reopened", text, person.name, person.id), "reopened by hand")


def _escalate(incident: Incident, person: Person, now: datetime, note: str) -> Observation | Refused:
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved; there is nothing to escalate.", f"reopen {incident.name}")
    text = f"{person.name} escalated it" + (f": {note}" if note else "")
    fresh = replace(incident, version=incident.version + 1, page_at=now, escalated_at=now)
    return Observation(fresh, Entry(now, "escalated", text, person.name, person.id), "escalated by hand")


def quieten(incident: Incident, silence: Silence, person: Person, now: datetime) -> Observation:
    """A silence begins to cover the incident; it stays visible and rings nobody."""
    fresh = replace(incident, version=incident.version + 1, silence=silence, page_at=None, escalated_at=None)
    text = f"{person.name} silenced it until {silence.until:%H:%M} UTC: {silence.reason}"
    return Observation(fresh, Entry(now, "silenced", text, person.name, person.id), "silenced")


def speak(
    incident: Incident, text: str, who: str, who_id: str, now: datetime, page_after: timedelta | None = None
) -> Observation:
    """The silence ends: the incident is seen as it is, and rings as if it had just failed where it would have rung."""
    rings = incident.state is State.open and page_after is not None
    page_at = now + page_after if rings and page_after is not None else incident.page_at
    fresh = replace(incident, version=incident.version + 1, silence=None, page_at=page_at)
    return Observation(fresh, Entry(now, "unsilenced", text, who, who_id), "the silence ended")


def note(incident: Incident, entry: Entry) -> Observation:
    """One more line, and the alert is owed again."""
    return Observation(replace(incident, version=incident.version + 1), entry, entry.what)


def _better(known: Signal, new: Signal) -> Signal:
    """The signal worth showing: the newest, unless it knows less than the one that we have."""
    if known.exception and not new.exception:
        return known
    return new if new.occurred_at >= known.occurred_at else known


def _nth(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in {11, 12, 13} else 0, "th")
    return f"{number}{suffix}"
