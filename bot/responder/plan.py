"""Plans: what an action would touch, found by a dry run, and the confirmation that binds a person to it.

Hard cases: a storm (hundreds of runs: the plan is bounded, and says so); a task that Airflow no longer has; an Airflow that
does not answer while somebody waits (they are told within three seconds). Rule: nothing is written to Airflow here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.core import incident as life
from bot.core.access import Person
from bot.core.action import Change, Plan, Remediation, digest
from bot.core.deployment import Airflow, Scope, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incident import Entry, Incident, State, Subject
from bot.core.signal import Family, task_thing
from bot.responder.desk import Desk
from bot.responder.dry_run import dag as find_dag
from bot.responder.dry_run import dry_clear, mark_changes, scopes_of
from bot.responder.press import save
from bot.store import incidents, memory, remediations

PATIENCE = 2.5  # seconds that somebody waits for a preview before being told that Airflow does not answer
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


def may(desk: Desk, person: Person, verb: str, about: str, incident_id: int | None = None) -> Refused | None:
    """Whether the person may; a refusal leaves its line in the audit."""
    refused = desk.access.allowed(person, verb)
    if refused is not None:
        _audit(desk, person, verb, about, refused.reason, allowed=False, incident_id=incident_id)
    return refused


def plan_retry(desk: Desk, person: Person, incident_id: int, channel: str) -> Plan | Refused:
    """Clear everything of an incident that is still sick, and what waits for it."""
    refused = desk.access.allowed(person, "clear")
    found = refused or _sick(desk, incident_id)
    if isinstance(found, Refused):
        _audit(
            desk, person, "clear", f"A-{incident_id}", found.reason, allowed=refused is None, incident_id=incident_id
        )
        return found
    incident, tasks = found
    scopes = scopes_of(tasks)
    if len(scopes) > MOST_RUNS:
        return Refused(f"{incident.name} touches {len(scopes)} runs; one confirmation takes at most {MOST_RUNS}.",
                       "clear DAG@RUN failed")  # fmt: skip
    return plan_clear(desk, person, incident.deployment, scopes, channel, incident_id)


def sick_tasks(desk: Desk, incident_id: int) -> tuple[str, list[TaskRef]] | Refused:
    """The deployment and the task instances of an incident that are still sick."""
    found = _sick(desk, incident_id)
    if isinstance(found, Refused):
        return found
    incident, tasks = found
    return incident.deployment, list(dict.fromkeys(subject.ref for subject in tasks))


def _sick(desk: Desk, incident_id: int) -> tuple[Incident, list[Subject]] | Refused:
    with desk.store.read() as t:
        incident = incidents.get(t, incident_id)
        sick = incidents.subjects_of(t, incident_id, sick=True)
    if incident is None:
        return Refused(f"There is no alert A-{incident_id}.", "open")
    if incident.state is State.resolved:
        return Refused(f"{incident.name} is resolved; nothing of it is left to retry.", f"reopen {incident.name}")
    tasks = [subject for subject in sick if subject.family is Family.task]
    if not tasks:
        return Refused(
            f"{incident.name} is about no task instance, so there is nothing to retry.", f"runbook {incident.name}"
        )
    return incident, tasks


def plan_clear(
    desk: Desk, person: Person, deployment: str, scopes: Sequence[Scope], channel: str, incident_id: int | None = None
) -> Plan | Refused:
    """What clearing the scopes would touch."""

    def look(airflow: Airflow) -> tuple[Change, ...]:
        return dry_clear(airflow, scopes, PATIENCE)

    return _planned(desk, person, "clear", deployment, look, channel, incident_id, scopes=tuple(scopes))


def plan_mark(
    desk: Desk, person: Person, deployment: str, refs: Sequence[TaskRef], state: str, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """Set task instances to a state without running them; the run too, where that was all that failed in it."""

    def look(airflow: Airflow) -> tuple[Change, ...]:
        return mark_changes(airflow, refs, state)

    options = {"state": state, "reason": reason}
    return _planned(desk, person, "mark", deployment, look, channel, incident_id, options=options)


def plan_pause(
    desk: Desk, person: Person, deployment: str, dag_ids: Sequence[str], paused: bool, channel: str,
    incident_id: int | None = None, reason: str = "",
) -> Plan | Refused:  # fmt: skip
    """Pause or unpause DAGs; those that are so already are left out."""

    def look(airflow: Airflow) -> tuple[Change, ...]:
        dags = [dag for dag_id in dag_ids if (dag := find_dag(airflow, dag_id)) and dag.is_paused is not paused]
        words = ("active", "paused") if paused else ("paused", "active")
        return tuple(Change(dag.dag_id, *words) for dag in dags)

    verb = "pause" if paused else "unpause"
    return _planned(desk, person, verb, deployment, look, channel, incident_id, options={"reason": reason})


def plan_trigger(
    desk: Desk, person: Person, deployment: str, dag_id: str, conf: Mapping[str, Any], channel: str
) -> Plan | Refused:
    """Start one new run. Its id is made of the plan's, so that trying again cannot start two."""

    def look(airflow: Airflow) -> tuple[Change, ...]:
        dag = find_dag(airflow, dag_id)
        waits = " (the DAG is paused: the run waits until it is unpaused)" if dag.is_paused else ""
        return (Change(dag_id, "no run yet", f"a new run{waits}"),)

    return _planned(desk, person, "trigger", deployment, look, channel, None, options={"conf": dict(conf)})


def _planned(
    desk: Desk, person: Person, action: str, deployment: str, look: Callable[[Airflow], tuple[Change, ...]], channel: str,
    incident_id: int | None, *, scopes: tuple[Scope, ...] = (), options: Mapping[str, Any] | None = None,
) -> Plan | Refused:  # fmt: skip
    """The way of every plan: may they, is it there, the dry run, written down."""
    refused = may(desk, person, action, str(scopes or options), incident_id)
    if refused is not None:
        return refused
    airflow = airflow_of(desk, deployment)
    if isinstance(airflow, Refused):
        return airflow
    try:
        with airflow.within(PATIENCE):
            changes = look(airflow)
    except (Temporary, Permanent) as error:
        return Refused(f"{UNCONFIRMED} {error.message}", "status")
    if not changes:
        return Refused(_nothing(action), "tasks DAG@RUN" if scopes else "")
    if len(changes) > MOST_CHANGES:
        return Refused(f"That is {len(changes)} task instances; one confirmation takes at most {MOST_CHANGES}.", "")
    if incident_id is None:
        incident_id = _concerned(desk, deployment, changes)
    plan = Plan(
        id=_new_id(), action=action, deployment=deployment, changes=changes, person=person,
        created_at=desk.clock(), incident_id=incident_id, scopes=scopes, options=options or {}, channel=channel,
    )  # fmt: skip
    with desk.store.write() as t:
        remediations.add_plan(t, plan)
    return plan


def _concerned(desk: Desk, deployment: str, changes: Sequence[Change]) -> int | None:
    """The one alert that is about these task instances: it shows what is done, whoever asked for it where."""
    things = [
        task_thing(deployment, ref.dag_id, ref.run_id, ref.task_id, ref.map_index)
        for change in changes if (ref := change.ref) is not None
    ]  # fmt: skip
    with desk.store.read() as t:
        about = {incident_id for _, incident_id, _ in incidents.sick_of(t, things)}
    return about.pop() if len(about) == 1 else None


def _nothing(action: str) -> str:
    if action == "clear":
        return f"{UNCONFIRMED} Nothing there is failed any more, so there is nothing to clear."
    return f"{UNCONFIRMED} It is so already."


def narrow(desk: Desk, person: Person, plan_id: str) -> Plan | Refused:
    """The same question for failed ones only."""
    found = _own(desk, person, plan_id)
    if isinstance(found, Refused):
        return found
    scopes = tuple(replace(scope, only_failed=True) for scope in found.scopes)
    return plan_clear(desk, person, found.deployment, scopes, found.channel, found.incident_id)


def _own(desk: Desk, person: Person, plan_id: str) -> Plan | Refused:
    with desk.store.read() as t:
        found = remediations.plan(t, plan_id)
    if found is None:
        return Refused(f"{UNCONFIRMED} That list is not known here any more; ask for a new one.", "")
    plan, used_at = found
    if plan.person.id != person.id:
        return Refused(f"{UNCONFIRMED} That list was made for {plan.person.name}; ask for your own.", "")
    if used_at is not None:
        return Refused(f"That was confirmed already, at {used_at:%H:%M} UTC; it is carried out once.", "")
    if desk.clock() >= plan.expires_at:
        return Refused(f"{UNCONFIRMED} That list is older than ten minutes; ask for a new one.", "")
    return plan


def confirm(desk: Desk, person: Person, plan_id: str) -> Remediation | Plan | Refused:
    """Binds the person to the list; exactly one confirmation of a plan is carried out. When the list has moved, nothing
    is asked for, and the new list comes back as a plan of its own."""
    plan = _own(desk, person, plan_id)
    if isinstance(plan, Refused):
        return plan
    refused = may(desk, person, plan.action, plan_id, plan.incident_id)
    if refused is not None:
        return refused
    moved = _moved(desk, plan)
    if moved is not None:
        return moved
    now = desk.clock()
    with desk.store.write() as t:
        if not remediations.use_plan(t, plan_id, now):
            return Refused("That was confirmed already; it is carried out once.", "")
        asked = remediations.ask(t, plan, now)
        incident = incidents.for_change(t, plan.incident_id) if plan.incident_id else None
        if incident is not None:
            save(t, _taken(incident, plan, person, desk), now)
        memory.record(t, now, person, plan.action, ", ".join(plan.dag_ids), allowed=True, outcome="asked",
                      incident_id=plan.incident_id, plan_digest=plan.digest)  # fmt: skip
    desk.remediation_owed.set()
    desk.wake()
    return asked


def _moved(desk: Desk, plan: Plan) -> Plan | Refused | None:
    """The list as it is now, when it is another; None when it is the same, or when Airflow cannot be asked now (then
    the remediation looks again before it does anything)."""
    airflow = desk.airflows.get(plan.deployment)
    if plan.action != "clear" or airflow is None:
        return None
    try:
        changes = dry_clear(airflow, plan.scopes, PATIENCE)
    except Temporary:
        return None
    except Permanent as error:
        return Refused(f"{UNCONFIRMED} {error.message}", "status")
    if digest(changes) == plan.digest:
        return None
    if not changes:
        return Refused(_nothing(plan.action), "")
    fresh = replace(plan, id=_new_id(), changes=changes, created_at=desk.clock())
    with desk.store.write() as t:
        remediations.add_plan(t, fresh)
    return fresh


def _new_id() -> str:
    """Opaque: says nothing about the list, and cannot be guessed."""
    return "P-" + secrets.token_hex(8)


def _taken(incident: Incident, plan: Plan, person: Person, desk: Desk) -> life.Observation:
    """Whoever acts on an incident that nobody has, has it."""
    now = desk.clock()
    if incident.state is State.open:
        taken = life.press(incident, "acknowledge", person, now)
        if isinstance(taken, life.Observation):
            incident = taken.incident
    labels = ", ".join(change.what for change in plan.changes[:10])
    more = f" and {len(plan.changes) - 10} more" if len(plan.changes) > 10 else ""
    entry = Entry(now, "asked", f"{person.name} asked: {plan.action} {len(plan.changes)}: {labels}{more}", person.name,
                  person.id, {"action": plan.action, "count": len(plan.changes)})  # fmt: skip
    return life.note(incident, entry)


def _audit(
    desk: Desk, person: Person, verb: str, argument: str, outcome: str, *, allowed: bool, incident_id: int | None
) -> None:
    with desk.store.write() as t:
        memory.record(
            t, desk.clock(), person, verb, argument, allowed=allowed, outcome=outcome, incident_id=incident_id
        )
