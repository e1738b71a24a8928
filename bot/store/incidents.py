"""Incidents, their subjects and their timelines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, func, insert, or_, select, update

from bot.core.access import Person
from bot.core.incidents.incident import Counts, Entry, Incident, State, Subject
from bot.core.incidents.routing import RETRYING, Severity, Silence
from bot.core.redaction import redact
from bot.core.roles import Role
from bot.core.signals.signal import Family, Mood, Signal
from bot.core.signals.wire import as_json, parse_stored
from bot.store.driver import rows
from bot.store.driver.encoding import digest
from bot.store.tables import entries, incidents, subjects

LIST_LIMIT = 100
SCHEDULED = "scheduled__"  # the prefix of Airflow's ids of scheduled runs
_FAR = datetime(9000, 1, 1, tzinfo=UTC)  # stored values were checked against the clock when they were received


def get(t: Connection, incident_id: int) -> Incident | None:
    row = t.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
    return None if row is None else _incident(row)


def for_change(t: Connection, incident_id: int) -> Incident | None:
    """The incident, locked until the transaction ends; None if it doesn't exist."""
    row = t.execute(select(incidents).where(incidents.c.id == incident_id).with_for_update()).one_or_none()
    return None if row is None else _incident(row)


def many(t: Connection, ids: Iterable[int]) -> list[Incident]:
    return [
        _incident(row) for row in t.execute(select(incidents).where(incidents.c.id.in_(list(ids))).with_for_update())
    ]


def by_keys(t: Connection, keys: Iterable[str], reopen_since: datetime) -> dict[str, Incident]:
    """For each key its open incident, otherwise its newest one that was resolved since the given moment. They are
    locked."""
    digests = {digest(key): key for key in keys}
    known = or_(incidents.c.open_key.is_not(None), incidents.c.resolved_at >= reopen_since)
    query = select(incidents).where(and_(incidents.c.key.in_(list(digests)), known)).order_by(incidents.c.id)
    found: dict[str, Incident] = {}
    for row in t.execute(query.with_for_update()):
        key, incident = digests[row.key], _incident(row)
        best = found.get(key)
        if best is None or best.state is State.resolved:
            found[key] = incident
    return found


def open_with_key_of(t: Connection, incident: Incident) -> int | None:
    """The id of another open incident with the same key; None if there is none."""
    mine = and_(incidents.c.open_key == digest(incident.key), incidents.c.id != incident.id)
    return t.scalar(select(incidents.c.id).where(mine))


def listed(
    t: Connection, states: Sequence[str] = (), before: int | None = None, limit: int = LIST_LIMIT
) -> list[Incident]:
    """Incidents with an id below `before`, newest first."""
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    if states:
        query = query.where(incidents.c.state.in_(list(states)))
    if before is not None:
        query = query.where(incidents.c.id < before)
    return [_incident(row) for row in t.execute(query)]


def add(t: Connection, incident: Incident) -> Incident:
    """Stores a new incident and returns it with its id."""
    done = t.execute(insert(incidents).values(_columns(incident)).returning(incidents.c.id))
    return replace(incident, id=done.scalar_one())


def save(t: Connection, changed: Incident) -> None:
    t.execute(update(incidents).where(incidents.c.id == changed.id).values(_columns(changed)))


def touch(t: Connection, incident_id: int) -> None:
    """Raises the version, because something that the messages show has changed, although the incident has not."""
    t.execute(update(incidents).where(incidents.c.id == incident_id).values(version=incidents.c.version + 1))


def add_subjects(t: Connection, sick: Sequence[tuple[int, Signal]]) -> None:
    """Stores the failing subjects of incidents, as pairs of incident id and signal."""
    rows.add_mappings(t, "subjects", [_subject(incident_id, signal) for incident_id, signal in sick])


def forget(t: Connection, subject_id: int) -> None:
    """Removes a subject from its incident, because another one describes the same failure better."""
    t.execute(delete(subjects).where(subjects.c.id == subject_id))


def sick_of(t: Connection, things: Iterable[str]) -> list[tuple[str, int, int]]:
    """Which of these things are failing now: (thing's digest, incident id, subject id)."""
    digests = [digest(thing) for thing in things]
    query = select(subjects.c.thing, subjects.c.incident_id, subjects.c.id)
    rows = t.execute(query.where(subjects.c.thing.in_(digests), subjects.c.well_at.is_(None)))
    return [(row.thing, row.incident_id, row.id) for row in rows]


@dataclass(frozen=True, slots=True)
class Sick:
    """A failing subject. `failed_at` and `try_number` are those of the failure, to recognise an older report of
    recovery."""

    thing: str
    incident_id: int
    subject_id: int
    failed_at: datetime
    try_number: int


def sick_now(t: Connection, things: Iterable[str]) -> list[Sick]:
    """The failing subjects among these things."""
    digests = [digest(thing) for thing in things]
    columns = (subjects.c.thing, subjects.c.incident_id, subjects.c.id, subjects.c.failed_at, subjects.c.try_number)
    query = select(*columns).where(subjects.c.thing.in_(digests), subjects.c.well_at.is_(None))
    return [Sick(*row) for row in t.execute(query)]


def sick_earlier_runs(t: Connection, deployment: str, dag_id: str, run_id: str) -> dict[int, str]:
    """The incidents in which an earlier scheduled run of this DAG is still failing, with the newest such run of each.
    Ids of scheduled runs sort by time; those of other kinds do not."""
    query = select(subjects.c.incident_id, func.max(subjects.c.run_id)).where(
        subjects.c.dag_id == dag_id, subjects.c.well_at.is_(None), subjects.c.deployment == deployment,
        subjects.c.run_id < run_id, subjects.c.run_id.startswith(SCHEDULED, autoescape=True),
    ).group_by(subjects.c.incident_id)  # fmt: skip
    return {row[0]: row[1] for row in t.execute(query)}


def has_entry(t: Connection, incident_id: int, what: str, since: datetime) -> bool:
    """Whether the timeline has an entry of this kind since then."""
    mine = (entries.c.incident_id == incident_id, entries.c.what == what, entries.c.at >= since)
    return t.scalar(select(entries.c.id).where(*mine).limit(1)) is not None


def set_well(t: Connection, subject_ids: Sequence[int], at: datetime) -> None:
    t.execute(update(subjects).where(subjects.c.id.in_(list(subject_ids))).values(well_at=at))


def all_well(t: Connection, incident_id: int, at: datetime, failed_until: datetime = _FAR) -> None:
    """A person resolved the incident: nothing of it that failed until then counts as sick any more."""
    mine = (subjects.c.incident_id == incident_id, subjects.c.well_at.is_(None), subjects.c.failed_at <= failed_until)
    t.execute(update(subjects).where(*mine).values(well_at=at))


def sick_again(t: Connection, incident_id: int, resolved_at: datetime) -> None:
    """Marks the subjects as failing again that recovered only because a person resolved the incident at that time."""
    by_word = and_(subjects.c.incident_id == incident_id, subjects.c.well_at == resolved_at)
    t.execute(update(subjects).where(by_word).values(well_at=None))


def sick_count(t: Connection, incident_id: int) -> int:
    query = select(func.count(func.distinct(subjects.c.thing)))
    return t.scalar(query.where(subjects.c.incident_id == incident_id, subjects.c.well_at.is_(None))) or 0


def explained_runs(t: Connection, runs: Iterable[str]) -> dict[str, int]:
    """Which of these runs have a task that was reported failed, with its newest incident; one that is tried again
    explains nothing."""
    digests = {digest(run): run for run in runs}
    query = select(subjects.c.run, func.max(subjects.c.incident_id)).group_by(subjects.c.run)
    mine = (subjects.c.run.in_(list(digests)), subjects.c.family == Family.task.value, subjects.c.retrying.is_(False))
    return {digests[run]: incident_id for run, incident_id in t.execute(query.where(*mine))}


def subjects_of(t: Connection, incident_id: int, *, sick: bool = False, limit: int | None = None) -> list[Subject]:
    """The incident's subjects, oldest first; with `sick`, only those still failing."""
    query = select(subjects).where(subjects.c.incident_id == incident_id).order_by(subjects.c.id).limit(limit)
    if sick:
        query = query.where(subjects.c.well_at.is_(None))
    return [
        Subject(row.incident_id, Family(row.family), row.deployment, row.dag_id, row.run_id, row.task_id,
                      row.map_index, row.try_number, row.name, row.hostname, row.source, row.failed_at, row.well_at)
        for row in t.execute(query)
    ]  # fmt: skip


def dag_tags(t: Connection, incident_id: int) -> dict[str, tuple[str, ...]]:
    """The incident's DAGs, sorted, each with all tags that were reported for it."""
    mine = and_(subjects.c.incident_id == incident_id, subjects.c.dag_id != "")
    found: dict[str, dict[str, None]] = {}
    for row in t.execute(select(subjects.c.dag_id, subjects.c.tags).distinct().where(mine).order_by(subjects.c.dag_id)):
        found.setdefault(row.dag_id, {}).update(dict.fromkeys(json.loads(row.tags)))
    return {dag_id: tuple(tags) for dag_id, tags in found.items()}


def counts(t: Connection, incident_id: int, recent_since: datetime) -> Counts:
    mine = subjects.c.incident_id == incident_id
    failed = func.sum(case((subjects.c.retrying, 0), else_=1))
    recent = func.sum(case((subjects.c.failed_at >= recent_since, 1), else_=0))
    totals = t.execute(select(
        failed, func.count(func.distinct(subjects.c.thing)), recent, func.min(subjects.c.failed_at),
        func.max(subjects.c.failed_at),
    ).where(mine)).one()  # fmt: skip
    number = failed if totals[0] else func.count(func.distinct(subjects.c.thing))
    dags = t.execute(select(subjects.c.dag_id, number).where(mine).group_by(subjects.c.dag_id)
                     .order_by(number.desc(), subjects.c.dag_id))  # fmt: skip
    return Counts(
        failures=totals[0] or 0, things=totals[1], sick=sick_count(t, incident_id), recent=totals[2] or 0,
        dags=tuple((row[0], row[1]) for row in dags), first_at=totals[3], last_at=totals[4],
    )  # fmt: skip


def add_entry(t: Connection, incident_id: int, entry: Entry) -> None:
    t.execute(insert(entries).values(
        incident_id=incident_id, at=entry.at, what=entry.what, text=redact(entry.text), who=entry.who, who_id=entry.who_id,
        detail=dict(entry.detail),
    ))  # fmt: skip


def timeline(t: Connection, incident_id: int, after: int = 0) -> list[Entry]:
    """The entries with an id above `after`, oldest first."""
    query = select(entries).where(entries.c.incident_id == incident_id, entries.c.id > after).order_by(entries.c.id)
    return [
        Entry(row.at, row.what, row.text, row.who, row.who_id, row.detail, row.id) for row in t.execute(query)
    ]  # fmt: skip


def _columns(incident: Incident) -> dict[str, Any]:
    key = digest(incident.key)
    return {
        "key": key, "open_key": None if incident.state is State.resolved else key, "deployment": incident.deployment,
        "state": incident.state.value, "severity": incident.severity.value, "version": incident.version,
        "opened_at": incident.opened_at, "last_at": incident.last_at, "resolved_at": incident.resolved_at,
        "page_at": incident.page_at, "silenced": incident.silence is not None and incident.escalated_at is None,
        "body": _body(incident),
    }  # fmt: skip


_PLAIN = ("key", "signature", "masked", "channel", "route", "runbook", "times", "last_holder", "resolved_by",
          "resolution", "mention")  # fmt: skip


def _body(incident: Incident) -> dict[str, Any]:
    silence = incident.silence
    return {name: getattr(incident, name) for name in _PLAIN} | {
        "family": incident.family.value,
        "exemplar": as_json(incident.exemplar),
        "reopened_at": _text(incident.reopened_at),
        "escalated_at": _text(incident.escalated_at),
        "holder": [incident.holder.id, incident.holder.name] if incident.holder else None,
        "held_at": _text(incident.held_at),
        "silence": [silence.id, silence.scope, silence.deployment, _text(silence.until), silence.by, silence.reason,
                    silence.severity.value, silence.role.name] if silence else None,
        "context": dict(incident.context),
    }  # fmt: skip


def _incident(row: Row[Any]) -> Incident:
    body: Mapping[str, Any] = row.body
    holder, silence = body["holder"], body["silence"]
    return Incident(
        id=row.id, deployment=row.deployment, family=Family(body["family"]), state=State(row.state),
        severity=Severity(row.severity), version=row.version, opened_at=row.opened_at, last_at=row.last_at,
        resolved_at=row.resolved_at, page_at=row.page_at, exemplar=parse_stored(body["exemplar"], _FAR),
        reopened_at=_moment(body["reopened_at"]), escalated_at=_moment(body["escalated_at"]), held_at=_moment(body["held_at"]),
        holder=Person(holder[0], holder[1]) if holder else None, context=body["context"],
        silence=_silence(silence) if silence else None,
        **{name: body[name] for name in _PLAIN},
    )  # fmt: skip


def _silence(stored: Sequence[Any]) -> Silence:
    """Reads a stored silence; version 0.1 stored neither severity nor role."""
    made = Silence(stored[0], stored[1], stored[2], datetime.fromisoformat(stored[3]), stored[4], stored[5])
    return replace(made, severity=Severity(stored[6]), role=Role[stored[7]]) if len(stored) > 6 else made


def _subject(incident_id: int, signal: Signal) -> dict[str, Any]:
    return {
        "incident_id": incident_id, "thing": digest(signal.thing), "run": digest(signal.run) if signal.run else "",
        "family": signal.family.value, "deployment": signal.deployment, "dag_id": signal.dag_id,
        "run_id": signal.run_id, "task_id": signal.task_id, "map_index": signal.map_index,
        "try_number": signal.try_number, "name": signal.file or " ".join(filter(None, (signal.check, signal.name))),
        "hostname": signal.hostname, "source": signal.source[:64], "failed_at": signal.occurred_at,
        "well_at": signal.occurred_at if signal.mood is Mood.well else None, "retrying": signal.kind == RETRYING,
        "tags": json.dumps(signal.tags),
    }  # fmt: skip


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
