"""Deletes old rows: signals, identities, plans with their remediations, and the subjects of incidents long resolved.

A read transaction finds them, and they are deleted a thousand at a time, because senders wait meanwhile. Incidents,
timelines and the audit stay; so do unobserved signals of any age, and the newest signal, which the next id is counted
from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, select

from bot.core.remediation import ACTIVE
from bot.store.database import Store
from bot.store.signals.signals import newest, observed
from bot.store.tables import (
    TAKEN,
    approvals,
    at_work,
    identities,
    incidents,
    plans,
    remediations,
    set_aside,
    signals,
    subjects,
)

ROWS = 1_000  # per transaction


def forget(store: Store, before: datetime) -> int:
    """Deletes up to 1,000 rows older than that per table. Returns how many rows were deleted, 0 if none were left."""
    gone = 0
    for table, key, look in _KINDS:
        with store.read() as t:
            old = look(t, before)
        if old:
            with store.taking() if table in TAKEN else store.write() as t:
                gone += t.execute(delete(table).where(key.in_(old))).rowcount
    return gone


def _signals(t: Connection, before: datetime) -> list[Any]:
    """Ids are in the order of time, so only the lowest are examined."""
    last = min(newest(t) - 1, observed(t))
    query = select(signals.c.id, signals.c.received_at).where(signals.c.id <= last).order_by(signals.c.id)
    return [row.id for row in t.execute(query.limit(ROWS)) if row.received_at < before]


def _identities(t: Connection, before: datetime) -> list[Any]:
    return list(t.scalars(select(identities.c.identity).where(identities.c.told_at < before).limit(ROWS)))


def _subjects(t: Connection, before: datetime) -> list[Any]:
    over = and_(incidents.c.resolved_at < before, subjects.c.well_at < before)
    query = select(subjects.c.id).join(incidents, incidents.c.id == subjects.c.incident_id).where(over)
    return list(t.scalars(query.limit(ROWS)))


def _set_aside(t: Connection, before: datetime) -> list[Any]:
    return list(t.scalars(select(set_aside.c.signal_id).where(set_aside.c.at < before).limit(ROWS)))


def _at_work(t: Connection, before: datetime) -> list[Any]:
    query = select(at_work.c.thing).join(remediations, remediations.c.id == at_work.c.remediation_id)
    return list(t.scalars(query.where(_ended(before)).limit(ROWS)))


def _approvals(t: Connection, before: datetime) -> list[Any]:
    query = select(approvals.c.plan_id).where(approvals.c.asked_at < before, approvals.c.standing != "waiting")
    return list(t.scalars(query.limit(ROWS)))


def _remediations(t: Connection, before: datetime) -> list[Any]:
    held = select(at_work.c.remediation_id)
    return list(t.scalars(select(remediations.c.id).where(_ended(before), remediations.c.id.not_in(held)).limit(ROWS)))


def _plans(t: Connection, before: datetime) -> list[Any]:
    query = select(plans.c.id).where(plans.c.created_at < before)
    for kept in (remediations.c.plan_id, approvals.c.plan_id):
        query = query.where(plans.c.id.not_in(select(kept)))
    return list(t.scalars(query.limit(ROWS)))


def _ended(before: datetime) -> ColumnElement[bool]:
    """The condition for a remediation that ended before then; one that Airflow still works on stays."""
    return and_(remediations.c.ended_at < before, remediations.c.progress.not_in([one.value for one in ACTIVE]))


_KINDS: tuple[tuple[Table, Column[Any], Callable[[Connection, datetime], list[Any]]], ...] = (
    (signals, signals.c.id, _signals),
    (identities, identities.c.identity, _identities),
    (subjects, subjects.c.id, _subjects),
    (set_aside, set_aside.c.signal_id, _set_aside),
    (at_work, at_work.c.thing, _at_work),
    (approvals, approvals.c.plan_id, _approvals),
    (remediations, remediations.c.id, _remediations),
    (plans, plans.c.id, _plans),
)
