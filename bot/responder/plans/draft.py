"""The way of every plan: may they, is it there, the dry run, written down under a one-time id.

Hard cases: a storm (hundreds of runs: the plan is bounded, and says so); an Airflow that does not answer while somebody
waits (they are told within three seconds). Rule: nothing is written to Airflow here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.core.access import About, Person
from bot.core.airflow.protocol import Airflow, Scope
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Change, Plan
from bot.core.signals.signal import task_thing
from bot.responder.access.authorization import SECOND_PERSON, may, weigh
from bot.responder.dry_run import look
from bot.responder.services import Desk
from bot.store import audit as lines
from bot.store import incidents, memory, remediations

PATIENCE = 2.5  # seconds that somebody waits for a preview before being told that Airflow does not answer
LONG_LIST = 8.0  # seconds for the list itself, of an Airflow that did answer: a thousand task instances take their time
MOST_RUNS = 60  # runs that one plan may touch
MOST_CHANGES = 2_000  # task instances that one plan may touch
UNCONFIRMED = "Nothing was changed."


def airflow_of(desk: Desk, deployment: str) -> Airflow | Refused:
    """The gateway of a deployment, or which ones there are."""
    airflow = desk.airflows.get(deployment)
    if airflow is not None:
        return airflow
    if not desk.airflows:
        return Refused("No Airflow is configured here, so there is nothing to act on.", "status")
    return Refused(f"There is no deployment `{deployment}`; there is: {', '.join(sorted(desk.airflows))}.", "status")


def draw_up(
    desk: Desk, person: Person, action: str, deployment: str, channel: str, *, incident_id: int | None = None,
    scopes: Sequence[Scope] = (), options: Mapping[str, Any] | None = None,
) -> Plan | Refused:  # fmt: skip
    """The plan, or why there is none."""
    refused = may(desk, person, action, _about(scopes, options), incident_id, About(deployment, settled=False))
    if refused is not None:
        return refused
    airflow = airflow_of(desk, deployment)
    if isinstance(airflow, Refused):
        return airflow
    runs = {(scope.dag_id, scope.run_id) for scope in scopes}
    if len(runs) > MOST_RUNS:
        return Refused(f"{UNCONFIRMED} That touches {len(runs)} runs; one confirmation takes at most {MOST_RUNS}.", "")
    empty = Plan(
        new_id(), action, deployment, (), person, desk.clock(), incident_id, tuple(scopes), options or {}, channel
    )
    try:
        found = seen_now(airflow, empty)
    except (Temporary, Permanent) as error:
        return Refused(f"{UNCONFIRMED} {error.message}", "status")
    if isinstance(found, Refused):
        return found
    if incident_id is None:
        found = replace(found, incident_id=_concerned(desk, deployment, found.changes))
    return _agreed(desk, person, found)


def _agreed(desk: Desk, person: Person, plan: Plan) -> Plan | Refused:
    """The plan written down, when the person may do exactly that list."""
    weighed = weigh(desk, person, plan)
    if isinstance(weighed, Refused):
        return weighed
    if weighed.needs_second_person:
        plan = replace(plan, warnings=(*plan.warnings, SECOND_PERSON))
    lines.learn(deployment=plan.deployment, incident_id=plan.incident_id, plan_digest=plan.digest)
    with desk.store.write() as t:
        remediations.add_plan(t, plan)
    return plan


def seen_now(airflow: Airflow, plan: Plan) -> Plan | Refused:
    """The plan with the list as it is now, or why there is nothing to confirm. Raises Temporary or Permanent."""
    seen = look(airflow, plan, PATIENCE, LONG_LIST)
    if not seen.changes:
        return Refused(
            f"{UNCONFIRMED} {seen.why_none}." if seen.why_none else nothing(plan.action),
            "tasks DAG@RUN" if plan.scopes else "",
        )
    if len(seen.changes) > MOST_CHANGES:
        return Refused(
            f"{UNCONFIRMED} That is {len(seen.changes)} things; one confirmation takes at most {MOST_CHANGES}.", ""
        )
    return replace(plan, changes=seen.changes, warnings=seen.warnings)


def _about(scopes: Sequence[Scope], options: Mapping[str, Any] | None) -> str:
    """What the audit keeps of a question; a value that may be a secret is not among it."""
    named = [f"{s.dag_id}@{s.run_id} {' '.join(task for task, _ in s.tasks)}".strip() for s in scopes]
    return "; ".join(named) or str({key: value for key, value in (options or {}).items() if key != "value"})


def _concerned(desk: Desk, deployment: str, changes: Sequence[Change]) -> int | None:
    """The one alert that is about these task instances: it shows what is done, whoever asked for it where."""
    things = [
        task_thing(deployment, ref.dag_id, ref.run_id, ref.task_id, ref.map_index)
        for change in changes if (ref := change.ref) is not None
    ]  # fmt: skip
    with desk.store.read() as t:
        about = {incident_id for _, incident_id, _ in incidents.sick_of(t, things)}
    return about.pop() if len(about) == 1 else None


def nothing(action: str) -> str:
    """Why a plan has no line."""
    if action == "clear":
        return f"{UNCONFIRMED} Nothing there is failed any more, so there is nothing to clear."
    if action == "backfill":
        return f"{UNCONFIRMED} Every date of that window has its run already, so there is nothing to start."
    return f"{UNCONFIRMED} It is so already."


def new_id() -> str:
    """Opaque: says nothing about the list, and cannot be guessed."""
    return "P-" + secrets.token_hex(8)


def audit(
    desk: Desk, person: Person, verb: str, argument: str, outcome: str, *, allowed: bool, incident_id: int | None
) -> None:
    """One line of the audit."""
    with desk.store.write() as t:
        memory.record(
            t, desk.clock(), person, verb, argument, allowed=allowed, outcome=outcome, incident_id=incident_id
        )
