"""Plans and remediations.

A plan is used by a conditional UPDATE of `used_at`, so a double click or a replayed confirmation starts one
remediation. The request is stored before anything is done about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from bot.core.access import Person
from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.audit import Line
from bot.core.remediation import ACTIVE, Change, Plan, Progress, Remediation, Surprise
from bot.store.audit import lines
from bot.store.driver.moments import LONGEST_WAIT, free, reached
from bot.store.tables import plans, remediations

_DONE = frozenset({"open", "acknowledged", "resolved", "ended"})  # outcomes of a successful press
_SILENCE = re.compile(r"S-\d+")

GIVES = frozenset({"variable", "trigger"})  # actions whose plan contains a person's input, which may be a secret
_GIVEN = frozenset({"value", "conf"})


def add_plan(t: Connection, plan: Plan) -> None:
    t.execute(insert(plans).values(id=plan.id, incident_id=plan.incident_id, person_id=plan.person.id,
              created_at=plan.created_at, body=_body(plan)))  # fmt: skip


def plan(t: Connection, plan_id: str) -> tuple[Plan, datetime | None] | None:
    """A plan and when it was used (None: not yet); None if there is no such plan."""
    row = t.execute(select(plans).where(plans.c.id == plan_id)).one_or_none()
    return None if row is None else (_plan(row.id, row.created_at, row.incident_id, row.body), row.used_at)


def use_plan(t: Connection, plan_id: str, now: datetime) -> bool:
    """Marks the plan as used; True for exactly one caller."""
    unused = and_(plans.c.id == plan_id, plans.c.used_at.is_(None))
    return t.execute(update(plans).where(unused).values(used_at=now)).rowcount == 1


def ask(t: Connection, plan: Plan, now: datetime) -> Remediation:
    """Stores the request to carry out the plan."""
    done = t.execute(insert(remediations).values(
        plan_id=plan.id, incident_id=plan.incident_id, progress=Progress.asked.value, version=1, asked_at=now,
        due_at=now, tries=0, answer="", tally={},
    ).returning(remediations.c.id))  # fmt: skip
    return Remediation(done.scalar_one(), plan, Progress.asked, now, now)


def due(t: Connection, now: datetime, limit: int = 20) -> list[Remediation]:
    """Active, due and unclaimed remediations, the longest due first."""
    query = _query().where(
        remediations.c.progress.in_([progress.value for progress in ACTIVE]), reached(remediations.c.due_at, now, LONGEST_WAIT),
        free(remediations.c.claimed_until, now),
    )  # fmt: skip
    return [_remediation(row) for row in t.execute(query.order_by(remediations.c.due_at).limit(limit))]


def claim(t: Connection, remediation: Remediation, now: datetime, until: datetime) -> bool:
    """Claims the remediation until then. True on success; False if it has changed or is claimed already."""
    as_seen = and_(remediations.c.id == remediation.id, remediations.c.version == remediation.version,
                   free(remediations.c.claimed_until, now))  # fmt: skip
    return t.execute(update(remediations).where(as_seen).values(claimed_until=until)).rowcount == 1


def let_go(t: Connection) -> None:
    """Ends every claim. Only for a store with a single process: at its start, all claims belong to a dead one."""
    t.execute(update(remediations).where(remediations.c.claimed_until.is_not(None)).values(claimed_until=None))


def save(t: Connection, changed: Remediation, until: datetime | None = None) -> None:
    """Stores the remediation and ends the claim on it, or extends it to `until`."""
    t.execute(update(remediations).where(remediations.c.id == changed.id).values(
        progress=changed.progress.value, version=changed.version, due_at=changed.due_at, tries=changed.tries,
        answer=changed.answer, began_at=changed.began_at, ended_at=changed.ended_at, tally=dict(changed.tally),
        steps=changed.steps, backfill_id=changed.backfill_id, claimed_until=until,
    ))  # fmt: skip


def advance(t: Connection, changed: Remediation, until: datetime) -> str:
    """Stores the progress and extends the claim to `until`. Returns who requested a stop, empty if no one did."""
    mine = remediations.c.id == changed.id
    t.execute(update(remediations).where(mine).values(
        version=changed.version, steps=changed.steps, tally=dict(changed.tally), claimed_until=until,
    ))  # fmt: skip
    return str(t.scalar(select(remediations.c.stopped_by).where(mine)) or "")


def stop(t: Connection, remediation_id: int, who: str, now: datetime) -> bool:
    """Requests a stop and makes the remediation due now. True for the first request."""
    asked = and_(remediations.c.id == remediation_id, remediations.c.stopped_by == "")
    done = t.execute(update(remediations).where(asked).values(stopped_by=who, due_at=now))
    return done.rowcount == 1


def take_up(t: Connection, remediation_id: int) -> None:
    """Resumes watching a backfill that was reported as started, because it is being stopped."""
    ended = and_(remediations.c.id == remediation_id, remediations.c.progress == Progress.done.value)
    t.execute(update(remediations).where(ended).values(progress=Progress.watching.value, tries=0))


def forget_value(t: Connection, plan_id: str) -> None:
    """Removes a variable's value, or a run's conf, from a plan that no longer needs it."""
    body = t.scalar(select(plans.c.body).where(plans.c.id == plan_id))
    if body and not _GIVEN.isdisjoint(body["options"]):
        options = {key: value for key, value in body["options"].items() if key not in _GIVEN}
        t.execute(update(plans).where(plans.c.id == plan_id).values(body=body | {"options": options}))


def forget_values(t: Connection, since: datetime, before: datetime) -> None:
    """Does the same for unconfirmed plans created in that period."""
    unused = and_(plans.c.used_at.is_(None), plans.c.created_at >= since, plans.c.created_at <= before)
    for plan_id, body in t.execute(select(plans.c.id, plans.c.body).where(unused)).all():
        if body["action"] in GIVES:
            forget_value(t, plan_id)


def latest(t: Connection, incident_id: int) -> Remediation | None:
    """The last remediation of an incident; None if there is none."""
    query = _query().where(remediations.c.incident_id == incident_id).order_by(remediations.c.id.desc()).limit(1)
    row = t.execute(query).one_or_none()
    return None if row is None else _remediation(row)


def get(t: Connection, remediation_id: int) -> Remediation | None:
    row = t.execute(_query().where(remediations.c.id == remediation_id)).one_or_none()
    return None if row is None else _remediation(row)


def of_plan(t: Connection, plan_id: str) -> Remediation | None:
    """The remediation of a plan; None if the plan was not confirmed."""
    row = t.execute(_query().where(remediations.c.plan_id == plan_id)).one_or_none()
    return None if row is None else _remediation(row)


def unannounced(t: Connection) -> list[tuple[Remediation, str, str, bool]]:
    """Remediations without an incident whose message is outdated, at most 20: (remediation, channel id, message ts,
    whether it may have been posted without an answer)."""
    behind = and_(remediations.c.incident_id.is_(None), remediations.c.shown < remediations.c.version)
    return [
        (_remediation(row), row.channel_id, row.ref, row.posting) for row in t.execute(_query().where(behind).limit(20))
    ]


def announced(t: Connection, remediation_id: int, version: int, channel_id: str, ref: str) -> None:
    t.execute(update(remediations).where(remediations.c.id == remediation_id)
              .values(shown=version, channel_id=channel_id, ref=ref, posting=False))  # fmt: skip


def announcing(t: Connection, remediation_id: int, *, posting: bool) -> None:
    """Records that its message is about to be posted (`posting`), until Slack's answer arrives."""
    t.execute(update(remediations).where(remediations.c.id == remediation_id).values(posting=posting))


def _query() -> Any:
    return select(remediations, plans.c.body, plans.c.created_at).join(plans, plans.c.id == remediations.c.plan_id)


def _remediation(row: Row[Any]) -> Remediation:
    return Remediation(
        id=row.id, plan=_plan(row.plan_id, row.created_at, row.incident_id, row.body), progress=Progress(row.progress),
        asked_at=row.asked_at, due_at=row.due_at, version=row.version, tries=row.tries, answer=row.answer,
        began_at=row.began_at, ended_at=row.ended_at, tally=row.tally, steps=row.steps,
        stopped_by=row.stopped_by, backfill_id=row.backfill_id,
    )  # fmt: skip


def _body(plan: Plan) -> dict[str, Any]:
    return {
        "action": plan.action, "deployment": plan.deployment,
        "person": [plan.person.id, plan.person.name, sorted(plan.person.groups), plan.person.is_guest],
        "changes": [_change_row(change) for change in plan.changes],
        "scopes": [[s.dag_id, s.run_id, [list(pair) for pair in s.tasks], s.only_failed, s.downstream, s.upstream]
                   for s in plan.scopes],
        "options": dict(plan.options), "channel": plan.channel, "warnings": list(plan.warnings),
    }  # fmt: skip


def _change_row(change: Change) -> list[Any]:
    ref = change.ref
    named = [ref.dag_id, ref.run_id, ref.task_id, ref.map_index] if ref else None
    return [change.what, change.before, change.after, change.run_id, named, change.surprise.value]


def _plan(plan_id: str, created_at: datetime, incident_id: int | None, body: Mapping[str, Any]) -> Plan:
    return Plan(
        id=plan_id, action=body["action"], deployment=body["deployment"], created_at=created_at,
        incident_id=incident_id, person=_person(*body["person"]), options=body["options"],
        changes=tuple(Change(c[0], c[1], c[2], c[3], TaskRef(*c[4]) if c[4] else None, Surprise(c[5]))
                      for c in body["changes"]),
        scopes=tuple(_scope(row) for row in body["scopes"]), channel=body["channel"], warnings=tuple(body["warnings"]),
    )  # fmt: skip


def _person(user_id: str, name: str, groups: Sequence[str] = (), is_guest: bool = False) -> Person:
    return Person(user_id, name, frozenset(groups), is_guest=is_guest)


def _scope(row: Sequence[Any]) -> Scope:
    dag_id, run_id, tasks, only_failed, downstream, upstream = row
    return Scope(dag_id, run_id, tuple((task, index) for task, index in tasks), only_failed, downstream, upstream)


def remediations_of(t: Connection, person_id: str, limit: int) -> list[Remediation]:
    """The last ones that this person requested."""
    query = (
        select(remediations.c.id).join(plans, plans.c.id == remediations.c.plan_id)
        .where(plans.c.person_id == person_id).order_by(remediations.c.id.desc()).limit(limit)
    )  # fmt: skip
    return [found for row in t.execute(query) if (found := get(t, row.id))]


def presses_of(t: Connection, person_id: str, verbs: frozenset[str], limit: int) -> list[Line]:
    """The last presses of these verbs that changed something; refused and read-only ones don't count."""
    found = lines(t, who_id=person_id, limit=20 * limit)
    return [line for line in found if line.verb in verbs and line.who_id == person_id and _changed(line)][:limit]


def _changed(line: Line) -> bool:
    return line.allowed and (line.outcome in _DONE or bool(_SILENCE.fullmatch(line.outcome)))
