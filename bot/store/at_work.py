"""Claims on things by remediations: a task instance, a DAG's pause or trigger, a date of a backfill, a variable.

Each is a row of its own, so when two people confirm overlapping lists at the same moment, on any replica, the database
accepts one of them. A list that was drawn up before another person acted on any part of it is not carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.core.remediation import ACTIVE, PLAN_LIFE, Change, Plan, Progress, Remediation
from bot.store import remediations
from bot.store.driver.encoding import digest
from bot.store.tables import at_work
from bot.store.tables import remediations as asked

_CHUNK = 400
_NOTHING_DONE = (Progress.failed, Progress.moved, Progress.given_up, Progress.stopped)
_LINGERS = 2 * PLAN_LIFE  # kept this long after the end, for lists drawn up before it


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another remediation, and which of the plan's things it touches, named as in its list."""

    remediation: Remediation
    things: tuple[str, ...]


class Overlaps(Exception):
    """Raised to roll back the transaction in which a plan was about to be requested."""

    def __init__(self, overlap: Overlap) -> None:
        super().__init__(overlap.remediation.id)
        self.overlap = overlap


def take(t: Connection, mine: Remediation, now: datetime) -> None:
    """Claims the remediation's things. Raises Overlaps if another one has some of them."""
    _let_go(t, mine.plan, now)
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    keys, taken = sorted(_things(mine.plan)), 0
    for chunk in _chunks(keys):  # in the same order everywhere, or two transactions would deadlock
        rows = [{"thing": key, "remediation_id": mine.id} for key in chunk]
        new = dialect.insert(at_work).values(rows).on_conflict_do_nothing().returning(at_work.c.thing)
        taken += len(t.scalars(new).all())
    if taken < len(keys) and (overlap := find(t, mine.plan, but=mine.id)) is not None:
        raise Overlaps(overlap)


def find(t: Connection, plan: Plan, *, but: int = 0) -> Overlap | None:
    """The remediation that touches most of the plan's things and blocks it; None if there is none."""
    things, held = _things(plan), dict[int, list[str]]()
    for chunk in _chunks(sorted(things)):
        query = select(at_work.c.thing, at_work.c.remediation_id).join(asked, asked.c.id == at_work.c.remediation_id)
        for row in t.execute(query.where(at_work.c.thing.in_(chunk), at_work.c.remediation_id != but, ~_is_past(plan))):
            held.setdefault(row.remediation_id, []).append(things[row.thing])
    if not held:
        return None
    most = max(held, key=lambda one: len(held[one]))
    found = remediations.get(t, most)
    return None if found is None else Overlap(found, tuple(held[most]))


def _let_go(t: Connection, plan: Plan, now: datetime) -> None:
    past = select(asked.c.id).where(_is_past(plan))
    for chunk in _chunks(sorted(_things(plan))):
        t.execute(delete(at_work).where(at_work.c.thing.in_(chunk), at_work.c.remediation_id.in_(past)))
    old = select(asked.c.id).where(asked.c.progress.not_in(_ACTIVE), asked.c.ended_at < now - _LINGERS)
    t.execute(delete(at_work).where(at_work.c.remediation_id.in_(old)))


_ACTIVE = [one.value for one in ACTIVE]


def _is_past(plan: Plan) -> ColumnElement[bool]:
    """The condition for a remediation that doesn't block the plan: it changed nothing, or it was requested and handed
    to Airflow before the plan's list was drawn up."""
    known = asked.c.asked_at < plan.created_at
    at_airflow = asked.c.progress.not_in([Progress.asked.value, Progress.doing.value])
    return or_(asked.c.progress.in_([one.value for one in _NOTHING_DONE]), and_(known, at_airflow))


def _things(plan: Plan) -> dict[str, str]:
    """The things that the plan touches: their names in its list, by digest."""
    return {digest("\0".join((plan.deployment, *_key(plan, change)))): change.what for change in plan.changes}


def _key(plan: Plan, change: Change) -> tuple[str, ...]:
    ref = change.ref
    if ref is not None:
        return "task", ref.dag_id, ref.run_id, ref.task_id, str(ref.map_index)
    if plan.action == "variable":
        return "variable", str(plan.options.get("key"))
    if change.run_id:
        return "run", change.what, change.run_id
    return (_KINDS.get(plan.action, plan.action), *(plan.dag_ids if plan.action == "backfill" else ()), change.what)


_KINDS = {"unpause": "pause"}


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
