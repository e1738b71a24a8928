"""Who may do what here and now: the access table, a broken glass, and what Airflow says of the DAGs.

Hard case: a rule asks for a DAG's tag and Airflow does not tell it. Then nobody may: a guard that looks away guards
nothing. Rule: a refusal leaves its line in the audit before it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from bot.core.access import SOMEWHERE, About, No, Person, Role, Yes
from bot.core.action import Plan
from bot.core.deployment import Scope
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incident import Incident, State
from bot.core.policy import Silence
from bot.responder.desk import Desk
from bot.store import approvals, audit, incidents

TAGS_KEPT = timedelta(minutes=10)
PATIENCE = 2.5  # seconds for each DAG that Airflow is asked about
SECOND_PERSON = "This needs a second person: after your Confirm somebody else must approve it"


def decide(desk: Desk, person: Person, verb: str, about: About = SOMEWHERE) -> Yes | No:
    """Whether they may, by a role of their own or by a broken glass."""
    decided = desk.access.decide(person, verb, about)
    if isinstance(decided, No) and decided.missing is not None and desk.access.break_glass.who:
        decided = desk.access.decide(person, verb, about, raised(desk, person))
    if isinstance(decided, Yes) and decided.by_break_glass:
        audit.learn(by_break_glass=True)
    return decided


def raised(desk: Desk, person: Person) -> Role:
    """The role that a broken glass gives somebody now; a viewer's when none does."""
    with desk.store.read() as t:
        held = approvals.broken(t, desk.clock(), person.id)
    return max((glass.role for glass in held), default=Role.viewer)


def may(
    desk: Desk, person: Person, verb: str, argument: str, incident_id: int | None = None, about: About | None = None
) -> Refused | None:
    """Whether the person may; a refusal leaves its line in the audit. Without `about` it is taken from the incident, or
    from the only deployment there is."""
    about = about or _about(desk, incident_id)
    decided = decide(desk, person, verb, about)
    if isinstance(decided, Yes):
        return None
    note(desk, person, verb, argument, decided.reason, about, incident_id)
    return decided.refused


def weigh(desk: Desk, person: Person, plan: Plan) -> Yes | Refused:
    """The decision about a list that is known; a refusal leaves its line in the audit."""
    dag_ids = () if plan.action == "variable" else plan.dag_ids
    tags = tags_of(desk, plan.action, plan.deployment, dag_ids)
    if isinstance(tags, Refused):
        return tags
    size = sum(change.ref is not None for change in plan.changes)
    whole = plan.action == "clear" and _is_whole(plan.scopes)
    about = About(plan.deployment, {dag: tags.get(dag, ()) for dag in dag_ids}, size, whole)
    decided = decide(desk, person, plan.action, about)
    if isinstance(decided, Yes):
        return decided
    note(desk, person, plan.action, ", ".join(plan.dag_ids), decided.reason, about, plan.incident_id)
    return decided.refused


def _is_whole(scopes: Sequence[Scope]) -> bool:
    """All of a run, or up- and downstream over several runs; what is narrowed to failed ones is neither."""
    runs = {(scope.dag_id, scope.run_id) for scope in scopes}
    all_of_it = any(not scope.tasks and not scope.only_failed for scope in scopes)
    spreads = any((scope.downstream or scope.upstream) and not scope.only_failed for scope in scopes)
    return all_of_it or (len(runs) > 1 and spreads)


def tags_of(desk: Desk, verb: str, deployment: str, dag_ids: Iterable[str]) -> dict[str, tuple[str, ...]] | Refused:
    """The DAGs' tags, where a rule asks for them; else nothing, and Airflow is not asked."""
    airflow = desk.airflows.get(deployment)
    if airflow is None or not desk.access.asks_tags(verb, deployment):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    now = desk.clock()
    for dag_id in dag_ids:
        since, tags = desk.tags.get((deployment, dag_id), (None, ()))
        if since is None or now - since >= TAGS_KEPT:
            try:
                with airflow.within(PATIENCE):
                    dag = airflow.dag(dag_id)
            except (Temporary, Permanent) as error:
                return Refused(f"Nothing was changed. Who may do that depends on a tag of {dag_id}, and Airflow does "
                               f"not tell it: {error.message}", "status")  # fmt: skip
            tags = dag.tags if dag is not None else ()
            desk.tags[deployment, dag_id] = (now, tags)
        found[dag_id] = tags
    return found


def about_incident(t: Connection, incident: Incident | None) -> About:
    """What a press on an alert is about: its deployment and all of its DAGs. The tags are those of the failure that it shows;
    for a press that changes nothing in Airflow, Airflow is not asked about hundreds of DAGs."""
    if incident is None:
        return About()
    signal = incident.exemplar
    shown = {signal.dag_id: signal.tags} if signal.dag_id else {}
    return About(incident.deployment, dict.fromkeys(incidents.dag_ids(t, incident.id), ()) | shown)


def about_silence(desk: Desk, verb: str, scope: str, deployment: str) -> About | Refused:
    """What a silence is about: the DAGs that its scope names, however a dotted name is cut, and those of the alerts that it
    makes quiet now."""
    quiet = Silence(0, scope, deployment, desk.clock() + timedelta(minutes=1), "", "")
    with desk.store.read() as t:
        unresolved = incidents.listed(t, (State.open.value, State.acknowledged.value), limit=1_000)
    signals = [i.exemplar for i in unresolved if quiet.covers(i.exemplar, i.signature, desk.clock())]
    known = {signal.dag_id: signal.tags for signal in signals if signal.dag_id}
    what, _, name = scope.partition(":")
    parts = name.split(".") if what in {"task", "thing"} else []
    named = [name] if what == "dag" else [".".join(parts[:length]) for length in range(1, len(parts))]
    tags = tags_of(desk, verb, deployment, dict.fromkeys([*known, *named]))
    if isinstance(tags, Refused):
        return tags
    return About(deployment, {**dict.fromkeys(named, ()), **known, **tags})


def _about(desk: Desk, incident_id: int | None) -> About:
    if incident_id:
        with desk.store.read() as t:
            return about_incident(t, incidents.get(t, incident_id))
    return About(next(iter(desk.airflows))) if len(desk.airflows) == 1 else About()


def note(
    desk: Desk, person: Person, verb: str, argument: str, reason: str, about: About, incident_id: int | None = None
) -> None:
    """The audit's line of a refusal."""
    deployment = about.deployment if about.deployment in desk.airflows else ""
    with desk.store.write() as t:
        audit.record(t, desk.clock(), person, verb, argument, allowed=False, outcome=reason, incident_id=incident_id,
                     deployment=deployment)  # fmt: skip
