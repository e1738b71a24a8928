"""What a signal does to an incident: pure functions from the known incident to the changed one, with the reason.

A failure that comes back soon after it was resolved reopens the same incident, which counts how often. A run can be
reported failed before its task is; the task then explains the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.access import Person
from bot.core.incidents.incident import Entry, Incident, State
from bot.core.incidents.routing import RETRYING, Placement, Silence
from bot.core.signals.signal import SEPARATOR, Family, Signal
from bot.core.signals.signature import Signature


@dataclass(frozen=True, slots=True)
class Observation:
    """The incident after a signal or a press, the new timeline entry if there is one, and why."""

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
    """Opens a new incident; the store assigns its id."""
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
    """The first line of a timeline: what was reported, as a sentence."""
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
    """Applies one more failing signal to an existing incident: it is refreshed, or reopened."""
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
    """Applies one more failure to an open or acknowledged incident. If it makes the incident worse, it is announced
    again: the person who took or silenced the incident decided about something less severe."""
    worse = placement.severity.rank > known.severity.rank
    fresh = _paging(known, fresh, placement, silence, now)
    if not worse and fresh.escalated_at != known.escalated_at:
        entry = Entry(now, "worse", f"{signal.label} failed of the same cause, and no silence covers it")
        return Observation(fresh, entry, "refreshed: a failure outside the silence")
    if not worse:
        return Observation(fresh, None, "refreshed: the same cause again")
    fresh = replace(fresh, mention=placement.mention or known.mention)
    entry = Entry(
        now,
        "worse",
        f"{str(fresh.severity).capitalize()} now: {signal.label} failed of the same cause{_although(known)}",
    )
    return Observation(fresh, entry, f"refreshed: {known.severity} became {fresh.severity}")


def _paging(known: Incident, fresh: Incident, placement: Placement, silence: Silence | None, now: datetime) -> Incident:
    """Sets when to page for one more failure; `silence` is the one that covers this failure. The earlier time decides.
    A failure that is worse, or the first outside the silence that covers the others, pages again (`escalated_at`)."""
    if placement.page_after is None or silence is not None:
        return fresh
    is_open = known.state is State.open
    worse = placement.severity.rank > known.severity.rank
    outside = is_open and known.silence is not None and known.escalated_at is None
    if not (worse or outside or (is_open and known.silence is None)):
        return fresh
    at = now + placement.page_after
    fresh = replace(fresh, page_at=min(known.page_at or at, at))
    return replace(fresh, escalated_at=now) if worse or outside else fresh


def weigh(known: Incident, signal: Signal, placement: Placement, now: datetime) -> Observation | None:
    """Applies the severity and page of a failure that the incident explains, such as the run of a failed task. The
    failure is not counted. None if it changes neither."""
    worst = max(known.severity, placement.severity, key=lambda severity: severity.rank)
    fresh = replace(known, severity=worst)
    seen = _refreshed(known, fresh, signal, placement, _covering(known, placement), now)
    if (seen.incident.severity, seen.incident.page_at) == (known.severity, known.page_at):
        return None
    return replace(seen, incident=replace(seen.incident, version=known.version + 1))


def _covering(known: Incident, placement: Placement) -> Silence | None:
    """The incident's silence, where it was made for something as severe."""
    silence = known.silence
    return silence if silence is not None and silence.severity.rank >= placement.severity.rank else None


def _although(known: Incident) -> str:
    if known.holder is not None:
        return f"; {known.holder.name} took it when it was {known.severity}"
    return f"; it was silenced when it was {known.severity}" if known.silence is not None else ""


def refresh(known: Incident, signal: Signal) -> Observation | None:
    """Updates the sentence of a check's known finding to its current figures; nothing is counted or written into the
    timeline. None if the figures are the same, or were updated within the same minute."""
    shown = known.exemplar
    same = (shown.sentence, shown.extra) == (signal.sentence, signal.extra)
    if known.state is State.resolved or same or minute(signal.occurred_at) <= minute(shown.occurred_at):
        return None
    return Observation(replace(known, exemplar=signal, version=known.version + 1), None, "refreshed: its figures")


def minute(moment: datetime) -> datetime:
    """The start of the minute that a moment is in."""
    return moment.replace(second=0, microsecond=0)


def belongs(known: Incident, signal: Signal, placement: Placement) -> bool:
    """Whether one more failure with this key belongs to the incident; one later than `placement.within` does not."""
    return placement.within is None or signal.occurred_at - known.last_at <= placement.within


def retire(known: Incident) -> Incident:
    """Makes an incident take no more failures, open or not: its key is free for the next one of its kind. It still
    resolves when its subjects recover, and a person may reopen it."""
    return replace(known, key=SEPARATOR.join((known.key, "until", known.name)))


def heal(known: Incident, still_sick: int, signal: Signal, now: datetime) -> Observation:
    """Applies a recovery: the incident is resolved when all of its subjects have recovered."""
    if known.state is State.resolved:
        return Observation(known, None, "already resolved")
    if still_sick:
        return Observation(replace(known, version=known.version + 1), None, f"{still_sick} still sick")
    return resolved(known, max(signal.occurred_at, known.last_at), "", "", _healing_sentence(signal), now)


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
    """Turns a run's incident into the incident of its failed task, which is reported later and has a new cause, so that
    one problem stays one message."""
    worst = max(known.severity, placement.severity, key=lambda severity: severity.rank)
    fresh = replace(
        known, key=placement.key, family=signal.family, exemplar=signal, signature=signature.name, masked=signature.masked,
        runbook=runbook, severity=worst, version=known.version + 1, last_at=max(known.last_at, signal.occurred_at),
    )  # fmt: skip
    fresh = _paging(known, fresh, placement, _covering(known, placement), now)
    return Observation(
        fresh, Entry(signal.occurred_at, "explained", opening_sentence(signal)), "adopted: the run's task was reported"
    )


def give_up(
    known: Incident, signal: Signal, signature: Signature, placement: Placement, runbook: str, now: datetime
) -> Observation:
    """A retried task fails for good: the warning becomes the error in the same message, and its holder keeps it."""
    became = adopt(known, signal, signature, placement, runbook, now).incident
    became = replace(became, route=placement.route, mention=placement.mention)
    entry = Entry(signal.occurred_at, "failed", opening_sentence(signal))
    return Observation(became, entry, "failed for good: no try is left")


def enrich(
    known: Incident, signal: Signal, signature: Signature, placement: Placement, runbook: str, now: datetime
) -> Observation:
    """Adds the exception that a hook reports after the sweep had reported the failure; the incident's group stays."""
    worst = max(known.severity, placement.severity, key=lambda severity: severity.rank)
    fresh = replace(known, exemplar=signal, signature=signature.name, masked=signature.masked, version=known.version + 1,
                    runbook=runbook or known.runbook, severity=worst)  # fmt: skip
    if worst is not known.severity:
        fresh = _paging(known, fresh, placement, _covering(known, placement), now)
    return Observation(
        fresh, Entry(signal.occurred_at, "explained", opening_sentence(signal)), "enriched: the hook brought the reason"
    )


def explain(known: Incident, by: str, now: datetime) -> Observation:
    """Resolves an incident that another one, `by`, explains: a run's whose failed task was reported, or a warning."""
    return resolved(known, now, "", f"explained by {by}", f"Explained by {by}", now)


def resolved(
    known: Incident, at: datetime, who: str, how: str, sentence: str, now: datetime, who_id: str = ""
) -> Observation:
    done = replace(
        known, state=State.resolved, version=known.version + 1, resolved_at=at, resolved_by=who, resolution=how,
        last_holder=known.holder.name if known.holder else known.last_holder, silence=None,
    )  # fmt: skip
    return Observation(done, Entry(now, "resolved", sentence, who, who_id), "resolved")


def quieten(incident: Incident, silence: Silence, person: Person, now: datetime) -> Observation:
    """A silence begins to cover the incident, which stays visible and notifies no one."""
    fresh = replace(incident, version=incident.version + 1, silence=silence, page_at=None, escalated_at=None)
    text = f"{person.name} silenced it until {silence.until:%H:%M} UTC: {silence.reason}"
    return Observation(fresh, Entry(now, "silenced", text, person.name, person.id), "silenced")


def take_over(incident: Incident, silence: Silence, text: str, who: str, who_id: str, now: datetime) -> Observation:
    """One silence ends while another one covers the incident: that one keeps it quiet."""
    fresh = replace(incident, version=incident.version + 1, silence=silence)
    name = f"the silence of {silence.by}" if silence.id else f"the maintenance window {silence.scope.partition(':')[2]}"
    text = f"{text}; {name} keeps it quiet until {silence.until:%d %b %H:%M} UTC: {silence.reason}"
    return Observation(fresh, Entry(now, "silenced", text, who, who_id), "another silence covers it")


def speak(
    incident: Incident, text: str, who: str, who_id: str, now: datetime, page_after: timedelta | None = None
) -> Observation:
    """Ends the incident's silence. An open incident then pages after `page_after`, as if it had just failed."""
    rings = incident.state is State.open and page_after is not None
    page_at = now + page_after if rings and page_after is not None else incident.page_at
    fresh = replace(incident, version=incident.version + 1, silence=None, page_at=page_at)
    return Observation(fresh, Entry(now, "unsilenced", text, who, who_id), "the silence ended")


def _better(known: Signal, new: Signal) -> Signal:
    """The signal to show: the newest, unless it lacks the exception that the known one has."""
    if known.exception and not new.exception:
        return known
    return new if new.occurred_at >= known.occurred_at else known


def _nth(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in {11, 12, 13} else 0, "th")
    return f"{number}{suffix}"


def note(incident: Incident, entry: Entry) -> Observation:
    """Adds one timeline entry; the alert is owed again."""
    return Observation(replace(incident, version=incident.version + 1), entry, entry.what)
