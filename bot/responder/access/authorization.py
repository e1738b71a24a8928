"""Who may do what right now: the access table, break-glass access, and the tags that Airflow reports for a DAG.

If a rule depends on a DAG's tags and Airflow can't be asked, deny (fail closed). A refusal is written to the audit
before it is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from bot.core.access import SOMEWHERE, About, No, Person, Yes
from bot.core.airflow.protocol import Scope
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.incident import OPEN_STATES, Incident
from bot.core.incidents.routing import Silence, name_of
from bot.core.remediation import Plan
from bot.core.roles import Role
from bot.responder.services import Services
from bot.store import audit, break_glass, incidents

TAGS_KEPT = timedelta(minutes=10)
AIRFLOW_SILENT = "status"  # the next command in a refusal when Airflow doesn't answer
MOST_CUTS = 8  # ways to split a dotted name into a DAG and a task
MOST_ASKED, MOST_KEPT = 60, 2_000  # DAGs asked about for one decision; DAGs whose tags are cached
PATIENCE = 2.5  # seconds for each DAG that Airflow is asked about
SECOND_PERSON = "This needs a second person: after your Confirm someone else must approve it"


def decide(services: Services, person: Person, verb: str, about: About = SOMEWHERE) -> Yes | No:
    """Whether the person may, by their own role or by break-glass access."""
    decided = services.access.decide(person, verb, about)
    if isinstance(decided, No) and decided.missing is not None and services.access.break_glass.who:
        decided = services.access.decide(person, verb, about, raised(services, person))
    if isinstance(decided, Yes) and decided.by_break_glass:
        audit.learn(by_break_glass=True)
    return decided


def raised(services: Services, person: Person) -> Role:
    """The role that break-glass access gives a person now, viewer without it. A person whom the table no longer names
    gets none, and if the table's role was lowered since, the lower one holds."""
    rules = services.access.break_glass
    if not services.access.may_break_glass(person):
        return Role.viewer
    with services.store.read() as t:
        held = break_glass.broken(t, services.clock(), person.id)
    return min(rules.role, max((glass.role for glass in held), default=Role.viewer))


def may(
    services: Services,
    person: Person,
    verb: str,
    argument: str,
    incident_id: int | None = None,
    about: About | None = None,
) -> Refused | None:
    """None if the person may; a refusal is written to the audit. Without `about` it is taken from the incident, or from
    the only deployment there is."""
    settled = with_tags(services, verb, about or _about(services, incident_id))
    if isinstance(settled, Refused):
        return settled
    about = settled
    decided = decide(services, person, verb, about)
    if isinstance(decided, Yes):
        return None
    note(services, person, verb, argument, decided.reason, about, incident_id)
    return decided.refused


def with_tags(services: Services, verb: str, about: About) -> About | Refused:
    """Adds the tags that Airflow has for these DAGs, if a rule asks for tags: a reported tag may be another program's
    label. If Airflow can't be asked, the reported tags suffice, but only if every DAG has some."""
    if not about.dags or not about.settled:
        return about
    tags = tags_of(services, verb, about.deployment, list(about.dags))
    if isinstance(tags, Refused):
        return about if all(about.dags.values()) else tags
    both = {dag: tuple(dict.fromkeys((*reported, *tags.get(dag, ())))) for dag, reported in about.dags.items()}
    return replace(about, dags=both)


def weigh(services: Services, person: Person, plan: Plan, *, anew: bool = False) -> Yes | Refused:
    """Decides about a known list; a refusal is written to the audit. With `anew`, Airflow is asked again even for tags
    that are cached."""
    dag_ids = () if plan.action == "variable" else plan.dag_ids
    tags = tags_of(services, plan.action, plan.deployment, dag_ids, anew=anew)
    if isinstance(tags, Refused):
        return tags
    size = sum(change.ref is not None for change in plan.changes)
    whole = plan.action == "clear" and _is_whole(plan.scopes)
    about = About(plan.deployment, {dag: tags.get(dag, ()) for dag in dag_ids}, size, whole)
    decided = decide(services, person, plan.action, about)
    if isinstance(decided, Yes):
        return decided
    note(services, person, plan.action, ", ".join(plan.dag_ids), decided.reason, about, plan.incident_id)
    return decided.refused


def no_longer(services: Services, plan: Plan, second: Person | None = None) -> Refused | None:
    """Why a confirmed list is not carried out after all: the requester or the approver may no longer do it. Both are
    checked again; if Airflow doesn't report a tag now, the decision at the confirmation holds."""
    people = [
        (plan.person, "asked for it"),
        *([(second, "approved it")] if second is not None and services.whois else []),
    ]
    for person, did in people:
        weighed = weigh(services, services.whois(person) if services.whois else person, plan)
        if isinstance(weighed, Refused) and weighed.next != AIRFLOW_SILENT:
            return Refused(f"{person.name}, who {did}, may not do that any more: {weighed.reason}", "")
    return None


def _is_whole(scopes: Sequence[Scope]) -> bool:
    """Whether it is all of a run, or up- or downstream over several runs; a scope of failed ones only is neither."""
    runs = {(scope.dag_id, scope.run_id) for scope in scopes}
    all_of_it = any(not scope.tasks and not scope.only_failed for scope in scopes)
    spreads = any((scope.downstream or scope.upstream) and not scope.only_failed for scope in scopes)
    return all_of_it or (len(runs) > 1 and spreads)


def tags_of(
    services: Services, verb: str, deployment: str, dag_ids: Iterable[str], *, anew: bool = False
) -> dict[str, tuple[str, ...]] | Refused:
    """The DAGs' tags if a rule asks for them; else empty, and Airflow is not asked."""
    airflow = services.airflows.get(deployment)
    if airflow is None or not services.access.asks_tags(verb, deployment):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    now, asked = services.clock(), list(dag_ids)
    if len(asked) > MOST_ASKED:
        return Refused(f"Who may do that depends on the tags of {len(asked)} DAGs; take one of them by its "
                       "name, or an alert of fewer.", "open")  # fmt: skip
    if len(services.tags) > MOST_KEPT:
        services.tags.clear()
    for dag_id in asked:
        since, tags = services.tags.get((deployment, dag_id), (None, ()))
        if anew or since is None or not timedelta(0) <= now - since < TAGS_KEPT:
            try:
                with airflow.within(PATIENCE):
                    dag = airflow.dag(dag_id)
            except (Temporary, Permanent) as error:
                return Refused(f"Who may do that depends on a tag of {dag_id}, and Airflow "
                               f"could not be asked: {error.message}", AIRFLOW_SILENT)  # fmt: skip
            tags = dag.tags if dag is not None else ()
            services.tags[deployment, dag_id] = (now, tags)
        found[dag_id] = tags
    return found


def about_incident(t: Connection, incident: Incident | None) -> About:
    """What a press on an alert is about: its deployment, and all of its DAGs with every tag that was reported."""
    if incident is None:
        return About()
    return About(incident.deployment, _with(incidents.dag_tags(t, incident.id), incident))


def _with(dags: dict[str, tuple[str, ...]], incident: Incident) -> dict[str, tuple[str, ...]]:
    """Adds the DAG and tags of the failure that the alert shows."""
    signal = incident.exemplar
    tags = {signal.dag_id: tuple(dict.fromkeys((*dags.get(signal.dag_id, ()), *signal.tags)))} if signal.dag_id else {}
    return dags | tags


def about_silence(services: Services, verb: str, scope: str, deployment: str) -> About | Refused:
    """What a silence is about: the DAGs that its scope names, for every way to split a dotted name, and those of the
    alerts that it silences now."""
    quiet = Silence(0, scope, deployment, services.clock() + timedelta(minutes=1), "", "")
    with services.store.read() as t:
        unresolved = incidents.listed(t, OPEN_STATES, limit=1_000)
        covered = [one for one in unresolved if quiet.covers(one.exemplar, one.signature, services.clock())]
        known: dict[str, tuple[str, ...]] = {}
        for one in covered:
            for dag_id, tags in _with(incidents.dag_tags(t, one.id), one).items():
                known[dag_id] = tuple(dict.fromkeys((*known.get(dag_id, ()), *tags)))
    what, _, pattern = scope.partition(":")
    name = name_of(pattern) if what in {"task", "dag"} else pattern
    if name is None:  # the pattern may match any DAG
        return About(deployment, {**known, **_any_dag(services)})
    parts = name.split(".") if what in {"task", "thing"} else []
    if len(parts) > MOST_CUTS and services.access.asks_tags(verb, deployment):
        said = f"{name[:60]}… can be a task of too many DAGs; silence the alert, or the DAG."
        return Refused(f"{said}", "open")
    named = [name] if what == "dag" else [".".join(parts[:length]) for length in range(1, len(parts))]
    return with_tags(services, verb, About(deployment, {**dict.fromkeys(named, ()), **known}))


def _any_dag(services: Services) -> dict[str, tuple[str, ...]]:
    """DAGs and tags that match every rule."""
    tags = tuple(tag for rule in services.access.rules for tag in rule.tags)
    return dict.fromkeys([*(glob for rule in services.access.rules for glob in rule.dags), "*"], tags)


def _about(services: Services, incident_id: int | None) -> About:
    if incident_id:
        with services.store.read() as t:
            return about_incident(t, incidents.get(t, incident_id))
    return About(next(iter(services.airflows))) if len(services.airflows) == 1 else About()


def note(
    services: Services,
    person: Person,
    verb: str,
    argument: str,
    reason: str,
    about: About,
    incident_id: int | None = None,
) -> None:
    """Writes a refusal to the audit."""
    deployment = about.deployment if about.deployment in services.airflows else ""
    with services.store.write() as t:
        audit.record(t, services.clock(), person, verb, argument, allowed=False, outcome=reason, incident_id=incident_id,
                     deployment=deployment)  # fmt: skip
