"""Defines what an action consists of, and draws up plans: the role, the dry run, the record under a one-time id.

Nothing is written to Airflow here. A plan's size is bounded, and its dry run ends within the time that a person waits
for an answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.core.access import About, Person
from bot.core.airflow.protocol import Airflow, Scope, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Change, Plan
from bot.core.signals.signal import task_thing
from bot.responder.access.authorization import SECOND_PERSON, may, weigh
from bot.responder.services import Services
from bot.store import audit as lines
from bot.store import incidents, remediations
from bot.store.audit import record

PATIENCE = 2.5  # seconds that a person waits for a preview before learning that Airflow doesn't answer
LONG_LIST = 8.0  # seconds for the list itself, once Airflow has answered: a thousand task instances take a while
MOST_RUNS = 60  # runs that one plan may touch
MOST_CHANGES = 2_000  # task instances that one plan may touch


@dataclass(frozen=True, slots=True)
class Seen:
    """A dry run's result: the list, and warnings to read before confirming it. `why_none` says why the list is empty
    if the action's usual sentence would be wrong."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    why_none: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A time window; both ends are included."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Step:
    """The lines of the plan that one call carries out."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        return self.changes[0]

    @property
    def refs(self) -> list[TaskRef]:
        return [change.ref for change in self.changes if change.ref is not None]


def one_each(_airflow: Airflow, plan: Plan) -> list[Step]:
    """One step for each line."""
    return [Step((change,)) for change in plan.changes]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of `catalog.ACTIONS`. Every function except `did` may raise Temporary or Permanent.

    `preview` asks Airflow what the action would touch and changes nothing. The same question is asked for the plan, at
    the confirmation and before anything is executed. Its two numbers are the seconds for Airflow to answer at all, and
    those for a list that may be long. `steps` returns the same list for the same plan every time, because execution
    resumes by step number after a crash. `act` executes one step, leaves the note and returns the id of a backfill that
    Airflow began, else 0. `is_done` reads one step back. `did` says in the past tense what was done."""

    preview: Callable[[Airflow, Plan, float, float], Seen]
    act: Callable[[Airflow, Plan, Step, str], int]
    is_done: Callable[[Airflow, Plan, Step], bool]
    did: Callable[[Plan], str]
    steps: Callable[[Airflow, Plan], list[Step]] = one_each
    nothing: str = "It is so already."


def quick(look: Callable[[Airflow, Plan], Seen]) -> Callable[[Airflow, Plan, float, float], Seen]:
    """Builds the preview of an action whose list is short."""

    def preview(airflow: Airflow, plan: Plan, seconds: float, _long: float) -> Seen:
        with airflow.within(seconds):
            return look(airflow, plan)

    return preview


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def airflow_of(services: Services, deployment: str) -> Airflow | Refused:
    """The gateway of a deployment, or a refusal that names the deployments that exist."""
    airflow = services.airflows.get(deployment)
    if airflow is not None:
        return airflow
    if not services.airflows:
        return Refused("No Airflow is configured here, so there is nothing to act on.", "status")
    return Refused(
        f"There is no deployment `{deployment}`; there is: {', '.join(sorted(services.airflows))}.", "status"
    )


def draw_up(
    services: Services, person: Person, action: Action, name: str, deployment: str, channel: str, *,
    incident_id: int | None = None, scopes: Sequence[Scope] = (), options: Mapping[str, Any] | None = None,
) -> Plan | Refused:  # fmt: skip
    """Draws up the plan, or says why there is none. `name` is the action's name in the catalog."""
    refused = may(services, person, name, _about(scopes, options), incident_id, About(deployment, settled=False))
    if refused is not None:
        return refused
    airflow = airflow_of(services, deployment)
    if isinstance(airflow, Refused):
        return airflow
    runs = {(scope.dag_id, scope.run_id) for scope in scopes}
    if len(runs) > MOST_RUNS:
        return Refused(f"That touches {len(runs)} runs; one confirmation takes at most {MOST_RUNS}.", "")
    empty = Plan(
        new_id(), name, deployment, (), person, services.clock(), incident_id, tuple(scopes), options or {}, channel
    )
    try:
        found = found_by(action, airflow, empty)
    except (Temporary, Permanent) as error:
        return Refused(f"{error.message}", "status")
    if isinstance(found, Refused):
        return found
    if incident_id is None:
        found = replace(found, incident_id=_concerned(services, deployment, found.changes))
    return _agreed(services, person, found)


def _agreed(services: Services, person: Person, plan: Plan) -> Plan | Refused:
    """Stores and returns the plan if the person may carry out exactly this list."""
    weighed = weigh(services, person, plan)
    if isinstance(weighed, Refused):
        return weighed
    if weighed.needs_second_person:
        plan = replace(plan, warnings=(*plan.warnings, SECOND_PERSON))
    lines.learn(deployment=plan.deployment, incident_id=plan.incident_id, plan_digest=plan.digest)
    with services.store.write() as t:
        remediations.add_plan(t, plan)
    return plan


def found_by(action: Action, airflow: Airflow, plan: Plan) -> Plan | Refused:
    """The plan with the list as it is now, or why there is nothing to confirm. Raises Temporary or Permanent."""
    seen = action.preview(airflow, plan, PATIENCE, LONG_LIST)
    if not seen.changes:
        return Refused(
            f"{seen.why_none or action.nothing.removesuffix('.')}.",
            "tasks DAG@RUN" if plan.scopes else "",
        )
    if len(seen.changes) > MOST_CHANGES:
        return Refused(f"That is {len(seen.changes)} things; one confirmation takes at most {MOST_CHANGES}.", "")
    return replace(plan, changes=seen.changes, warnings=seen.warnings)


def _about(scopes: Sequence[Scope], options: Mapping[str, Any] | None) -> str:
    """What the audit records of a request, without a value that may be a secret."""
    named = [f"{s.dag_id}@{s.run_id} {' '.join(task for task, _ in s.tasks)}".strip() for s in scopes]
    return "; ".join(named) or str({key: value for key, value in (options or {}).items() if key != "value"})


def _concerned(services: Services, deployment: str, changes: Sequence[Change]) -> int | None:
    """The incident that these task instances belong to, None if there isn't exactly one. Its alert shows what is done,
    no matter who requested it and where."""
    things = [
        task_thing(deployment, ref.dag_id, ref.run_id, ref.task_id, ref.map_index)
        for change in changes if (ref := change.ref) is not None
    ]  # fmt: skip
    with services.store.read() as t:
        about = {incident_id for _, incident_id, _ in incidents.sick_of(t, things)}
    return about.pop() if len(about) == 1 else None


def new_id() -> str:
    """An opaque id: it says nothing about the list and cannot be guessed."""
    return "P-" + secrets.token_hex(8)


def audit(
    services: Services,
    person: Person,
    verb: str,
    argument: str,
    outcome: str,
    *,
    allowed: bool,
    incident_id: int | None,
) -> None:
    """Writes one line to the audit."""
    with services.store.write() as t:
        record(t, services.clock(), person, verb, argument, allowed=allowed, outcome=outcome, incident_id=incident_id)
