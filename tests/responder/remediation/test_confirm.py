"""What is carried out is what was confirmed: never in another DAG, never long after, never on a guess."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.access import Access, Rule
from bot.core.airflow.protocol import Run, TaskRef
from bot.core.errors import Refused
from bot.core.remediation import Plan, Progress, Remediation
from bot.core.roles import Role
from bot.responder.actions import clear, dags, mark, variable
from bot.responder.incidents import silences
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.remediation.timed_pauses import end_pauses
from bot.responder.services import Services
from bot.store import remediations
from tests.responder.flows import (
    ANA,
    AWAY,
    BEN,
    DAY,
    RUN,
    SILENT,
    Memory,
    Permanent,
    Trouble,
    memory,
    services_of,
    whole,
)


def asked(services: Services, plan: Plan | Refused) -> Remediation:
    assert isinstance(plan, Plan), plan
    done = plans.confirm(services, ANA, plan.id)
    assert isinstance(done, Remediation), done
    return done


def again(services: Services, one: Remediation) -> Remediation:
    with services.store.read() as t:
        found = remediations.get(t, one.id)
    assert found is not None
    return carry_out.carry_on(services, found, lambda _: None)


@pytest.mark.parametrize("error", [Permanent("Airflow (prod) answered 403", "403"), AWAY])
def test_a_variables_value_is_gone_however_it_ended(error: Exception, tmp_path: Path) -> None:
    airflow = memory()
    services = services_of(airflow, tmp_path)
    one = asked(services, variable.plan_variable(services, ANA, "prod", "batch", "s3cret-value", "C1"))
    airflow.trouble.append(Trouble(error))
    one = again(services, one)
    if one.progress is Progress.asked:  # it is tried again, so the value is still needed
        airflow.away = AWAY
        now = services.clock()
        services.clock = lambda: now + timedelta(minutes=11)
        one = again(services, one)
    assert one.progress in {Progress.failed, Progress.given_up}
    with services.store.read() as t:
        assert "s3cret" not in repr(remediations.plan(t, one.plan.id))


def two_dags() -> Memory:
    """`sales` and `stores` with the same run id: what failed in each is `load`, which ends the run."""
    airflow = memory(mapped=0)
    for dag in ("sales", "stores"):
        airflow.paused[dag] = False
        airflow.states[TaskRef(dag, RUN, "load")] = "failed"
        airflow.runs_of[dag, RUN] = Run(dag, RUN, "failed", logical_date=DAY)
    airflow.states.pop(TaskRef("sales", RUN, "store"))
    return airflow


def test_a_lost_answer_about_a_run_is_read_back_in_its_own_dag(tmp_path: Path) -> None:
    """Two DAGs have a run of the same id, as scheduled ones do."""
    airflow = two_dags()
    services = services_of(airflow, tmp_path)
    refs = [TaskRef(dag, RUN, "load") for dag in ("sales", "stores")]
    one = asked(services, mark.plan_mark(services, ANA, "prod", refs, "success", "C1"))
    assert [change.what for change in one.plan.changes] == ["load", "run of sales", "load", "run of stores"]
    airflow.trouble.extend([None, None, None, Trouble(SILENT)])  # the fourth never arrived
    one = again(services, one)
    assert one.progress is not Progress.done, "it was told as done, and nobody did it"
    assert airflow.runs_of["stores", RUN].state == "failed"
    assert again(services, one).progress is Progress.done
    assert airflow.runs_of["stores", RUN].state == "success"


def test_a_task_that_ended_by_itself_is_not_taken_for_cleared(tmp_path: Path) -> None:
    airflow = memory(mapped=2)
    airflow.states[TaskRef("sales", RUN, "load", 1)] = "running"
    services = services_of(airflow, tmp_path)
    one = asked(services, clear.plan_clear(services, ANA, "prod", [whole(only_failed=False)], "C1"))

    class Ends(Trouble):
        @property
        def error(self) -> Exception:
            airflow.states[TaskRef("sales", RUN, "load", 1)] = "success"
            return SILENT

        @error.setter
        def error(self, _: Exception) -> None: ...

    airflow.trouble.append(Ends(SILENT))
    one = again(services, one)
    assert airflow.calls == []
    assert one.progress is Progress.asked, "it was told as done, and nothing was cleared"


def test_what_was_confirmed_is_not_done_long_after(tmp_path: Path) -> None:
    """The bot was away for an hour: nobody expects that it acts now."""
    airflow = memory()
    services = services_of(airflow, tmp_path)
    one = asked(services, clear.plan_clear(services, ANA, "prod", [whole()], "C1"))
    now = services.clock()
    services.clock = lambda: now + timedelta(hours=1)
    ended = again(services, one)
    assert airflow.calls == []
    assert ended.progress is Progress.given_up
    assert "ten minutes" in ended.answer


def guarded(folder: Path) -> Services:
    airflow = memory()
    airflow.paused["ledger"] = False
    services = services_of(airflow, folder)
    everybody = frozenset({"*"})
    rule = Rule(verbs=frozenset({"silence", "unsilence"}), dags=("ledger*",), role=Role.admin)
    services.access = Access({Role.responder: everybody, Role.admin: frozenset({BEN.id})}, rules=(rule,))
    return services


@pytest.mark.parametrize("scope", ["dag:ledger", "task:ledger.load", "task:ledger.group.load", "thing:ledger.load"])
def test_a_rule_about_a_dag_holds_for_its_silences_too(scope: str, tmp_path: Path) -> None:
    services = guarded(tmp_path)
    hour = timedelta(hours=1)
    refused = silences.silence(services, ANA, scope, "prod", hour, "why")
    assert isinstance(refused, Refused)
    assert "*admin*" in refused.reason
    made = silences.silence(services, BEN, scope, "prod", hour, "why")
    assert not isinstance(made, Refused)
    assert isinstance(silences.unsilence(services, ANA, made.id), Refused)
    assert silences.unsilence(services, BEN, made.id) is None
    assert not isinstance(silences.silence(services, ANA, "dag:sales", "prod", hour, "why"), Refused)


def test_nobody_is_told_of_a_missing_role_where_there_was_none_to_miss(tmp_path: Path) -> None:
    """A silence that is over: the audit has it as allowed, and not as done."""
    services = guarded(tmp_path)
    assert isinstance(silences.unsilence(services, BEN, 99), Refused)
    assert isinstance(silences.unsilence(services, BEN, 10**25), Refused)
    with services.store.read() as t:
        from bot.store import audit

        assert [line.allowed for line in audit.lines(t)] == [True, True]


def test_whoever_asked_may_stop_it_and_a_rule_about_the_dag_holds_for_others(tmp_path: Path) -> None:
    airflow = memory(mapped=30)
    services = services_of(airflow, tmp_path)
    everybody, ana = frozenset({"*"}), frozenset({ANA.id})
    services.access = Access({Role.responder: everybody, Role.admin: ana},
                         rules=(Rule(verbs=frozenset({"clear"}), dags=("sales",), role=Role.admin),))  # fmt: skip
    one = asked(services, clear.plan_clear(services, ANA, "prod", [whole()], "C1"))
    refused = plans.stop(services, BEN, one.plan.id)
    assert isinstance(refused, Refused)
    assert "*admin*" in refused.reason
    services.access = Access()
    assert isinstance(plans.stop(services, ANA, one.plan.id), Remediation)


def test_what_somebody_mended_between_two_batches_is_not_run_again(tmp_path: Path) -> None:
    """Airflow was away after the first batch, and somebody marked one of the rest by hand meanwhile."""
    airflow = memory(mapped=150)
    services = services_of(airflow, tmp_path)
    one = asked(services, clear.plan_clear(services, ANA, "prod", [whole()], "C1"))
    airflow.trouble.extend([None, Trouble(AWAY)])
    one = again(services, one)
    assert (one.progress, one.steps) == (Progress.doing, 1)
    mended = TaskRef("sales", RUN, "load", 140)
    airflow.states[mended] = "success"
    one = again(services, one)
    assert airflow.states[mended] == "success", "it was run again, and nobody had confirmed that"
    assert len(airflow.calls) == 1
    assert "100 of 151 were done" in one.answer
    assert "the list moved" in one.answer


def test_a_pause_whose_end_airflow_refuses_is_not_forgotten(tmp_path: Path) -> None:
    """A login that is wrong for an hour: the DAG would stay paused for ever, and nobody would know."""
    airflow = memory()
    services = services_of(airflow, tmp_path)
    one = asked(services, dags.plan_pause(services, ANA, "prod", ["sales"], True, "C1", lasts=timedelta(hours=2)))
    again(services, one)
    assert airflow.paused["sales"]
    now = services.clock()
    services.clock = lambda: now + timedelta(hours=2, minutes=1)
    airflow.away = Permanent("Airflow (prod) does not accept the bot's login (no reason given)", "401")
    end_pauses(services)
    airflow.away = None
    end_pauses(services)
    with services.store.read() as t:
        (ending,) = remediations.due(t, services.clock())
    carry_out.carry_on(services, ending, lambda _: None)
    assert not airflow.paused["sales"]
