"""Who is working on what: a task instance, a DAG's pause or trigger, a date of a backfill, a variable.

Each is a row of its own, so when two people confirm overlapping lists at the same moment, on any replica, the database
lets one of them in. A list that was drawn up before someone else acted on any part of it is not carried out.
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
_LINGERS = 2 * PLAN_LIFE  # for the lists that were drawn up before it ended


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another remediation, and which of the plan's things it touches, as its list names them."""

    remediation: Remediation
    things: tuple[str, ...]


class Overlaps(Exception):
    """Raised to undo the transaction in which a plan was about to be asked for."""

    def __init__(self, overlap: Overlap) -> None:
        super().__init__(overlap.remediation.id)
        self.overlap = overlap


def take(t: Connection, mine: Remediation, now: datetime) -> None:
    """The remediation's things are its own from now on. Raises Overlaps when another one has some of them."""
    _let_go(t, mine.plan, now)
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    keys, taken = sorted(_things(mine.plan)), 0
    for chunk in _chunks(keys):  # in one order everywhere, or two would wait for each other
        rows = [{"thing": key, "remediation_id": mine.id} for key in chunk]
        new = dialect.insert(at_work).values(rows).on_conflict_do_nothing().returning(at_work.c.thing)
        taken += len(t.scalars(new).all())
    if taken < len(keys) and (overlap := find(t, mine.plan, but=mine.id)) is not None:
        raise Overlaps(overlap)


def find(t: Connection, plan: Plan, *, but: int = 0) -> Overlap | None:
    """The remediation that touches most of the plan's things and stands in its way; None when none does."""
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
    """Whether a remediation is no hindrance to the plan: nothing came of it, or it was done, or Airflow was at work on it,
    before the plan's list was drawn up."""
    known = asked.c.asked_at < plan.created_at
    at_airflow = asked.c.progress.not_in([Progress.asked.value, Progress.doing.value])
    return or_(asked.c.progress.in_([one.value for one in _NOTHING_DONE]), and_(known, at_airflow))


def _things(plan: Plan) -> dict[str, str]:
    """A digest of each thing that the plan touches, and what its list calls it."""
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
