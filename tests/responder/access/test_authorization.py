"""Guards that look everywhere: every DAG and tag of an alert, both people of two, a role as it is today, what was offered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.config.access import access
from bot.core.access import Person, Yes
from bot.core.airflow.protocol import Dag
from bot.core.errors import Refused, Temporary
from bot.core.incidents.incident import Incident
from bot.core.incidents.routing import Silence, exactly, name_of
from bot.core.remediation import Approval, Change, Plan, Progress, Remediation, Standing
from bot.core.roles import Role
from bot.responder import upkeep
from bot.responder.access import authorization, break_glass
from bot.responder.actions import clear, dags
from bot.responder.alerts.views import view_of
from bot.responder.incidents.presses import press
from bot.responder.incidents.silences import silence
from bot.responder.remediation import approve, carry_out, second_person, timed_pauses
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.slack.dialogs import dialogs
from bot.slack.interactions.submissions import _scope
from bot.slack.replies import approval
from bot.store import remediations, tables
from bot.store.tables import approvals, at_work
from bot.store.tables import plans as plan_rows
from bot.store.tables import remediations as rows
from tests.airflow.paper import PaperAirflow
from tests.given import ANA, BEN, NOW, PAGED, Clock, failure, some_services
from tests.responder.flows import memory, services_of, whole
from tests.responder.remediation.test_approve import SECOND, an_airflow, held

GUARDED = access({
    "responder": ["U0ANA"], "admin": ["U0BEN"],
    "rules": [{"verbs": ["resolve", "ack", "silence", "escalate"], "tag": "finance", "role": "admin"}],
})  # fmt: skip


@pytest.fixture
def airflow() -> PaperAirflow:
    return an_airflow()


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path, airflow: PaperAirflow) -> Iterator[Services]:
    url = f"sqlite:///{tmp_path / 's.db'}" if request.param == "sqlite" else request.getfixturevalue("database")
    made = some_services(url, Clock(), access=GUARDED, airflows={"prod": airflow})
    yield made
    made.store.close()


@pytest.mark.parametrize("verb", ["resolve", "acknowledge", "escalate"])
@pytest.mark.parametrize("guarded_first", [True, False])
def test_a_tag_of_any_dag_of_an_alert_guards_all_of_it(services: Services, verb: str, guarded_first: bool) -> None:
    both = [failure(dag_id="ledger", tags=["finance"]), failure(dag_id="sales", tags=["daily"])]
    report(services, both if guarded_first else both[::-1])
    refused = press(services, ANA, verb, 1)
    assert isinstance(refused, Refused)
    assert "ledger" in refused.reason
    services.pagers = PAGED
    assert isinstance(press(services, BEN, verb, 1), Incident)


def test_a_silence_of_a_cause_is_about_every_dag_of_its_alert(services: Services) -> None:
    report(services, [failure(dag_id="ledger", tags=["finance"]), failure(dag_id="sales", tags=["daily"])])
    seen = view_of(services, 1)
    assert seen is not None
    scope = f"signature:{seen.incident.signature}"
    assert isinstance(silence(services, ANA, scope, "prod", timedelta(hours=1), "known"), Refused)
    assert isinstance(silence(services, BEN, scope, "prod", timedelta(hours=1), "known"), Silence)


def test_tags_that_nobody_reported_are_asked_of_airflow_and_silence_is_a_no(
    services: Services, airflow: PaperAirflow
) -> None:
    airflow.dags_by_id["ledger"] = Dag("ledger", False, tags=("finance",))
    report(services, [failure(dag_id="ledger"), failure(dag_id="sales", tags=["daily"])])
    assert isinstance(press(services, ANA, "resolve", 1), Refused)
    services.tags.clear()

    def silent(_: str) -> Dag:
        raise Temporary("Airflow does not answer")

    airflow.dag = silent  # type: ignore[method-assign]
    refused = press(services, ANA, "resolve", 1)
    assert isinstance(refused, Refused)
    assert "depends on a tag of ledger" in refused.reason


def test_another_programs_label_does_not_stand_for_airflows_tags(services: Services, airflow: PaperAirflow) -> None:
    """An Alertmanager's `team` is a tag as well; the rule's tag is in Airflow alone."""
    guarded = next(dag for dag in airflow.dags() if "finance" in dag.tags)
    report(services, [failure(dag_id=guarded.dag_id, tags=["team-data"])])
    refused = press(services, ANA, "resolve", 1)
    assert isinstance(refused, Refused)
    assert "needs the role *admin*" in refused.reason


def test_stop_asks_for_the_tags_too(services: Services, airflow: PaperAirflow) -> None:
    services.access = access({"responder": ["U0ANA", "U0BEN"], "admin": ["U0CLEO"],
                          "rules": [{"verbs": ["clear"], "tag": "finance", "role": "admin"}]})  # fmt: skip
    cleo = Person("U0CLEO", "Cleo")
    from bot.core.airflow.protocol import Scope
    from tests.given import RUN

    made = clear.plan_clear(services, cleo, "prod", [Scope("sales", RUN)], "C1")
    assert isinstance(made, Plan), made
    assert isinstance(plans.confirm(services, cleo, made.id), Remediation)
    assert isinstance(plans.stop(services, ANA, made.id), Refused)


def test_a_tag_that_is_set_in_airflow_holds_at_the_very_next_confirmation(
    tmp_path: Path, airflow: PaperAirflow
) -> None:
    airflow.dags_by_id["sales"] = Dag("sales", False, tags=())
    services = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), access=SECOND, airflows={"prod": airflow})
    report(services, [failure()])
    from bot.core.airflow.protocol import Scope
    from tests.given import RUN

    made = clear.plan_clear(services, ANA, "prod", [Scope("sales", RUN)], "C1", 1)
    assert isinstance(made, Plan)
    airflow.dags_by_id["sales"] = Dag("sales", False, tags=("finance",))
    assert isinstance(plans.confirm(services, ANA, made.id), second_person.Held)
    services.store.close()


def test_the_asker_who_lost_the_role_is_not_carried_out_by_the_second_person(
    tmp_path: Path, airflow: PaperAirflow
) -> None:
    services = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), access=SECOND, airflows={"prod": airflow})
    report(services, [failure()])
    plan = held(services)
    services.access = replace(services.access, grants={Role.responder: frozenset({"U0BEN"})})
    refused = approve.approve(services, BEN, plan.id)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("Ana, who asked for it, may not do that any more")
    services.store.close()


@pytest.mark.parametrize("who", ["U0ANA", "U0BEN"])
def test_a_role_that_is_lost_between_the_approval_and_the_deed(tmp_path: Path, airflow: PaperAirflow, who: str) -> None:
    services = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), access=SECOND, airflows={"prod": airflow})
    services.whois = lambda person: person
    report(services, [failure()])
    done = approve.approve(services, BEN, held(services).id)
    assert isinstance(done, Remediation)
    services.access = replace(services.access, grants={Role.responder: frozenset({"U0ANA", "U0BEN"} - {who})})
    ended = carry_out.carry_on(services, done, lambda _: None)
    assert ended.progress is Progress.failed
    assert "may not do that any more" in ended.answer
    services.store.close()


def test_the_second_person_sees_all_that_the_preview_showed() -> None:
    conf = {"drop_tables": True, "db_password": "hunter2x9"}
    trigger = Plan("P-1", "trigger", "prod", (Change("sales", "no run yet", "a new run"),), ANA, NOW,
                   options={"conf": conf, "dags": ["sales"]}, warnings=("20 are running and will be stopped",))  # fmt: skip
    shown = json.dumps(approval.request(Approval(trigger, Standing.waiting, NOW)), ensure_ascii=False)
    assert "drop_tables = true" in shown
    assert "20 are running and will be stopped" in shown
    assert "hunter2x9" not in shown
    many = replace(trigger, id="P-2", action="mark", options={"state": "success"}, warnings=(),
                   changes=tuple(Change(f"t{n}", "failed", "success") for n in range(40)))  # fmt: skip
    shown = json.dumps(approval.request(Approval(many, Standing.waiting, NOW)))
    assert "whole-list" in shown
    assert sum(f"t{n} " in shown for n in range(40)) >= 20


@pytest.mark.parametrize("name", ["*", "ledger_?", "a[b]c", "plain", "[*]"])
def test_a_name_is_silenced_and_nothing_that_it_could_match(name: str) -> None:
    held_now = Silence(1, f"dag:{exactly(name)}", "prod", NOW + timedelta(hours=1), "Ana", "x")
    assert held_now.covers(failure(dag_id=name), "s", NOW)
    assert not held_now.covers(failure(dag_id="ledger_1"), "s", NOW)
    assert name_of(exactly(name)) == name


@pytest.mark.parametrize("scope", ["dag:*", "dag:l*", "task:*", "dag:ledger_?", "task:ledger_1.*"])
def test_a_pattern_needs_the_role_of_every_dag_that_it_may_fit(services: Services, scope: str) -> None:
    services.access = access({"responder": ["U0ANA"], "admin": ["U0BEN"],
                          "rules": [{"verbs": ["silence"], "dag": "ledger_*", "role": "admin"}]})  # fmt: skip
    assert isinstance(silence(services, ANA, scope, "prod", timedelta(hours=1), "known"), Refused)
    assert isinstance(silence(services, BEN, scope, "prod", timedelta(hours=1), "known"), Silence)


def test_a_window_takes_back_only_what_it_offered(services: Services) -> None:
    report(services, [failure(dag_id="*", task_id="load")])
    seen = view_of(services, 1)
    assert seen is not None
    for offered in dialogs.scopes_of(seen):
        assert _scope(offered, seen), offered
    for forged in ("dag:*", "task:*", "dag:ledger", "signature:other", "thing:x", "nonsense", "dag", ":"):
        assert _scope(forged, seen) == "" or forged in dialogs.scopes_of(seen), forged


@pytest.mark.parametrize("change", ["taken out", "lowered"])
def test_a_broken_glass_holds_only_what_the_table_gives_today(services: Services, change: str) -> None:
    table: dict[str, Any] = {"responder": ["U0BEN"], "break_glass": {"who": ["U0ANA"], "role": "admin", "minutes": 30}}
    services.access = access(table)
    assert not isinstance(break_glass.begin(services, ANA, timedelta(minutes=20), "all is down"), Refused)
    assert authorization.raised(services, ANA) is Role.admin
    given = {"who": []} if change == "taken out" else {"role": "responder"}
    services.access = access(table | {"break_glass": {**table["break_glass"], **given}})
    assert authorization.raised(services, ANA) is (Role.viewer if change == "taken out" else Role.responder)


def test_an_earlier_rule_hides_no_second_person() -> None:
    both = access({"operator": ["U0ANA"], "rules": [
        {"verbs": ["clear"], "dag": "ledger_*", "role": "operator"},
        {"verbs": ["clear"], "tag": "finance", "second_person": True},
    ]})  # fmt: skip
    decided = both.decide(ANA, "clear", authorization.About("prod", {"ledger_1": ("finance",)}))
    assert isinstance(decided, Yes)
    assert decided.needs_second_person


def test_a_timed_pause_can_be_made_to_last(tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)

    def pause(lasts: timedelta | None) -> Remediation:
        made = dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1", lasts=lasts)
        assert isinstance(made, Plan), made
        asked = plans.confirm(services, ANA, made.id)
        assert isinstance(asked, Remediation), asked
        return carry_out.carry_on(services, asked, lambda _: None)

    assert pause(timedelta(hours=2)).progress is Progress.done
    lasting = pause(None)
    assert lasting.progress is Progress.done
    assert [(c.before.startswith("paused until"), c.after) for c in lasting.plan.changes] == [(True, "paused for good")]
    now = services.clock()
    services.clock = lambda: now + timedelta(hours=3)
    timed_pauses.end_pauses(services)
    assert airflow.paused["sales"] is True
    assert isinstance(dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1"), Refused), "now it is so already"
    services.store.close()


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_conf_is_forgotten_when_it_is_needed_no_more(tmp_path: Path, carried_out: bool) -> None:
    services = services_of(memory(), tmp_path)
    made = dags.plan_trigger(services, ANA, "prod", "sales", {"n": "a secret of theirs"}, "C1")
    assert isinstance(made, Plan), made
    now = services.clock()
    if carried_out:
        asked = plans.confirm(services, ANA, made.id)
        assert isinstance(asked, Remediation)
        carry_out.carry_on(services, asked, lambda _: None)
    else:
        from bot.responder.actions.variable import forget_old_values

        services.clock = lambda: now + timedelta(minutes=11)
        forget_old_values(services)
    services.store.close()
    services = services_of(memory(), tmp_path)
    with services.store.read() as t:
        found = remediations.plan(t, made.id)
    assert found is not None
    assert "conf" not in found[0].options
    services.store.close()


def test_plans_and_what_became_of_them_go_with_the_signals(tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    made = dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1")
    assert isinstance(made, Plan)
    asked = plans.confirm(services, ANA, made.id)
    assert isinstance(asked, Remediation)
    carry_out.carry_on(services, asked, lambda _: None)
    active = clear.plan_clear(services, ANA, "prod", [whole()], "C1")
    assert isinstance(active, Plan)
    assert isinstance(plans.confirm(services, ANA, active.id), Remediation)
    now = services.clock()
    services.clock = lambda: now + timedelta(days=91)
    upkeep.tidy(services, timedelta(days=90))
    with services.store.read() as t:
        left = [t.scalar(select(func.count()).select_from(table)) for table in (plan_rows, rows, approvals)]
        things = t.scalar(select(func.count()).select_from(at_work))
    assert left == [1, 1, 0], "what Airflow still works on stays"
    assert things == len(active.changes)
    services.store.close()


def test_one_silence_asks_airflow_about_few_dags(services: Services, airflow: PaperAirflow) -> None:
    asked: list[str] = []
    there = airflow.dag
    airflow.dag = lambda dag_id: asked.append(dag_id) or there(dag_id)  # type: ignore[func-returns-value, method-assign]
    scope = "task:" + ".".join(["a"] * 160)
    assert isinstance(silence(services, BEN, scope, "prod", timedelta(hours=1), "known"), Refused)
    assert asked == [], "a name of 159 cuts is refused"
    assert isinstance(silence(services, BEN, "task:a.b.c", "prod", timedelta(hours=1), "known"), Silence)
    assert asked == ["a", "a.b"]


def test_a_secret_in_the_reason_of_a_broken_glass_is_kept_nowhere(services: Services) -> None:
    secret = token_urlsafe(18)
    services.access = access({"break_glass": {"who": ["U0ANA"], "role": "admin", "minutes": 30}})
    made = break_glass.begin(services, ANA, timedelta(minutes=20), f"the load needs password={secret}")
    assert not isinstance(made, Refused)
    with services.store.read() as t:
        kept = [*t.execute(select(tables.broken_glass)), *t.execute(select(tables.audit))]
    assert len(kept) == 2
    assert secret not in f"{made}{kept}"
