"""The role matrix: every verb of the registry, each role, in a deployment like any other, in one with an `[access]` of its
own, and on DAGs under a rule. The table is written out by hand and compared with what the verbs really answer.

Rule: a verb that is not in the table fails, so nobody adds one without saying who may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import cast

import pytest

from bot.config.access import access
from bot.core.access import Person
from bot.core.airflow.protocol import Airflow, Dag, Run, TaskInstance, TaskNode, TaskRef
from bot.core.incidents.routing import Silence
from bot.core.roles import Role
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.slack.api.people import People
from bot.slack.commands import grammar
from bot.slack.commands.registry import VERBS, answer
from bot.slack.commands.request import Ask
from bot.store import silences
from tests.airflow.paper import PaperAirflow
from tests.given import NOW, PAGED, RUN, Clock, failure, some_services

V, R, OP, A = "viewer", "responder", "operator", "admin"
PEOPLE = {
    V: Person("U0EVE", "Eve"), R: Person("U0ANA", "Ana"), OP: Person("U0BEN", "Ben"), A: Person("U0CLEO", "Cleo"),
}  # fmt: skip
TABLE = access({
    "responder": ["U0ANA"], "operator": ["U0BEN"], "admin": ["U0CLEO"],
    "deployment": {"prod": {"responder": ["U0BEN"], "operator": [], "admin": ["U0CLEO"]}},
    "rules": [{"verbs": ["clear", "mark", "pause", "acknowledge"], "tag": "finance", "role": "operator"},
              {"verbs": ["trigger"], "tag": "finance", "role": "admin"}],
})  # fmt: skip
# what each of the four is in dev, in prod, and again in dev on a DAG with the tag
ROLES = {"dev": {V: V, R: R, OP: OP, A: A}, "prod": {V: V, R: V, OP: R, A: A}, "tag": {V: V, R: R, OP: OP, A: A}}
# verb: (what is typed, the least role in dev, in prod, on a DAG with the tag finance)
LEAST = {
    "status": ("status", V, V, V), "open": ("open", V, V, V), "show": ("show {alert}", V, V, V),
    "runs": ("runs {dag}", V, V, V), "tasks": ("tasks {dag}", V, V, V), "logs": ("logs {dag}.load", V, V, V),
    "health": ("health", V, V, V), "jobs": ("jobs", V, V, V), "zombies": ("zombies", V, V, V), "pools": ("pools", V, V, V),
    "import-errors": ("import-errors", V, V, V), "slow": ("slow", V, V, V), "report": ("report {dag}", V, V, V),
    "digest": ("digest", V, V, V),
    "oncall": ("oncall", V, V, V), "whoami": ("whoami", V, V, V), "help": ("help", V, V, V),
    "runbook": ("runbook", V, V, V), "silences": ("silences", V, V, V),
    "break-glass": ("break-glass", V, V, V),  # who may is no role: [access.break_glass] names them
    "clear": ("clear {dag}.load", R, R, OP), "mark": ("mark {dag}.load success", R, R, OP),
    "pause": ("pause {dag}", R, R, OP), "unpause": ("unpause {dag}", R, R, R), "trigger": ("trigger {dag}", R, R, A),
    "backfill": ("backfill {dag} from 2026-11-20 to 2026-11-21", OP, OP, OP),
    "variable": ("variable get {place}:batch_size", OP, OP, OP), "connection": ("connection test {place}:warehouse", OP, OP, OP),
    "ack": ("ack {alert}", R, R, OP), "unack": ("unack {alert}", R, R, R), "resolve": ("resolve {alert}", R, R, R),
    "reopen": ("reopen {alert}", R, R, R), "escalate": ("escalate {alert}", R, R, R),
    "silence": ("silence {alert} for 1h why", R, R, R), "unsilence": ("unsilence {silence}", R, R, R),
    "audit": ("audit {alert}", OP, OP, OP),  # tells of every deployment, so the role must be held in each
}  # fmt: skip


class Names:
    """People whose names are their ids."""

    def names(self, ids: Iterable[str]) -> list[str]:
        return [one for one in ids if not one.startswith("S")]

    def handles(self, ids: Iterable[str]) -> list[str]:
        return [one for one in ids if one.startswith("S")]


def an_airflow(name: str) -> PaperAirflow:
    made = PaperAirflow(name)
    for dag_id, tags in (("sales", ()), ("ledger", ("finance",))):
        ref = TaskRef(dag_id, RUN, "load", -1)
        made.dags_by_id[dag_id] = Dag(dag_id, False, tags=tags, timetable="daily")
        made.runs_by_id[dag_id, RUN] = Run(dag_id, RUN, "failed", logical_date=NOW, run_after=NOW)
        made.trees[dag_id] = [TaskNode("load")]
        made.instances[ref] = TaskInstance(ref, "failed", 1)
    return made


@pytest.fixture
def services(tmp_path: object) -> Iterator[Services]:
    airflows = {name: cast(Airflow, an_airflow(name)) for name in ("dev", "prod")}
    made = some_services(f"sqlite:///{tmp_path}/s.db", Clock(), access=TABLE, airflows=airflows, pagers=PAGED)
    report(made, [failure(deployment="dev"), failure("other", deployment="prod"),
                  failure("third", deployment="dev", dag_id="ledger", tags=["finance"])])  # fmt: skip
    with made.store.write() as t:
        for place in ("dev", "prod", "dev"):
            silences.add_silence(t, Silence(0, "dag:x", place, NOW + timedelta(days=9), "Eve", "x"), NOW)
    yield made
    made.store.close()


def typed(verb: str, where: str) -> str:
    number = {"dev": 1, "prod": 2, "tag": 3}[where]
    place = "prod" if where == "prod" else "dev"
    dag = f"{place}:{'ledger' if where == 'tag' else 'sales'}"
    return LEAST[verb][0].format(dag=dag, alert=f"A-{number}", silence=f"S-{number}", place=place)


def test_every_verb_is_in_the_table_and_the_table_has_no_other() -> None:
    assert {verb.name for verb in VERBS} == set(LEAST)


@pytest.mark.parametrize("where", ["dev", "prod", "tag"])
@pytest.mark.parametrize("verb", sorted(LEAST))
def test_whoever_has_the_role_may_and_nobody_else(services: Services, verb: str, where: str) -> None:
    least = Role[LEAST[verb][1 + list(ROLES).index(where)]]
    for who, person in PEOPLE.items():
        ask = Ask(services, person, cast(People, Names()), grammar.parse(typed(verb, where)), "C1")
        said = answer(ask)["text"]
        held = Role[ROLES["prod" if verb == "audit" else where][who]]
        assert said.startswith("🔒") is (held < least), f"{who} in {where}: {said}"
        if held < least:  # a viewer is refused before it is known which DAG it is about
            assert "needs the role " + ("" if held is Role.viewer else least.name) in said, said
