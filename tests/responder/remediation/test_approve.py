"""A second person, a broken glass, and who may what on an Airflow that knows the DAGs' tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.config.access import access
from bot.core.access import Access, Glass, Person, Yes
from bot.core.airflow.protocol import Dag, Run, Scope, TaskInstance, TaskRef
from bot.core.audit import Request
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.remediation import Approval, Plan, Remediation, Standing
from bot.core.roles import Role
from bot.responder.access import authorization, break_glass
from bot.responder.actions import clear
from bot.responder.remediation import approve, second_person
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.responder.signals.observe import report
from bot.store import approvals, audit
from tests.airflow.paper import PaperAirflow
from tests.given import ANA, BEN, NOW, RUN, Clock, at_once, failure, some_services

CLEO = Person("U0CLEO", "Cleo")
EVE = Person("U0EVE", "Eve")
SECOND = access({
    "responder": ["U0ANA", "U0BEN"], "operator": ["U0CLEO"], "wide": 5,
    "rules": [{"verbs": ["clear"], "tag": "finance", "second_person": True}],
    "break_glass": {"who": ["U0ANA"], "minutes": 30},
})  # fmt: skip


def an_airflow(failed: int = 2, tags: tuple[str, ...] = ("finance",)) -> PaperAirflow:
    made = PaperAirflow("prod")
    made.dags_by_id["sales"] = Dag("sales", False, tags=tags)
    made.runs_by_id["sales", RUN] = Run("sales", RUN, "failed", logical_date=NOW)
    for number in range(failed):
        ref = TaskRef("sales", RUN, "load" if number == 0 else f"load_{number}", -1)
        made.instances[ref] = TaskInstance(ref, "failed", 1)
    return made


@pytest.fixture
def airflow() -> PaperAirflow:
    return an_airflow()


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path, airflow: PaperAirflow) -> Iterator[Services]:
    url = f"sqlite:///{tmp_path / 's.db'}" if request.param == "sqlite" else request.getfixturevalue("database")
    made = some_services(url, Clock(), access=SECOND, airflows={"prod": airflow})
    report(made, [failure()])
    yield made
    made.store.close()


def planned(services: Services, person: Person = ANA) -> Plan:
    made = clear.plan_clear(services, person, "prod", [Scope("sales", RUN)], "C1", 1)
    assert isinstance(made, Plan), made
    return made


def held(services: Services, person: Person = ANA) -> Plan:
    plan = planned(services, person)
    waits = plans.confirm(services, person, plan.id)
    assert isinstance(waits, second_person.Held), waits
    return plan


def audited(services: Services) -> list[tuple[str, str, str, str]]:
    with services.store.read() as t:
        return [(one.who, one.verb, one.outcome, one.second) for one in audit.lines(t)][::-1]


def standing(services: Services, plan: Plan) -> Standing:
    with services.store.read() as t:
        found = approvals.find(t, plan.id)
    assert found is not None
    return found.standing


def timeline(services: Services) -> list[str]:
    from bot.store import incidents

    with services.store.read() as t:
        return [entry.text for entry in incidents.timeline(t, 1)]


def acted(airflow: PaperAirflow) -> list[Any]:
    return [what for verb, what in airflow.asked if verb == "clear" and not what[1]]


def test_what_needs_a_second_person_says_so_and_waits_after_the_first_ones_confirm(services: Services) -> None:
    plan = planned(services)
    assert any("second person" in warning for warning in plan.warnings)
    assert isinstance(plans.confirm(services, ANA, plan.id), second_person.Held)
    assert standing(services, plan) is Standing.waiting
    assert audited(services)[-1] == ("Ana", "clear", "awaiting second person", "")
    again = plans.confirm(services, ANA, plan.id)
    assert isinstance(again, Refused)
    assert "waits for a second person already" in again.reason


def test_the_second_person_makes_it_happen_and_both_are_named(services: Services) -> None:
    plan = held(services)
    done = approve.approve(services, BEN, plan.id)
    assert isinstance(done, Remediation), done
    assert done.person.id == "U0ANA"
    assert standing(services, plan) is Standing.approved
    assert audited(services)[-1] == ("Ana", "clear", "asked", "Ben")
    assert any(text.startswith("Ana asked, Ben approved it: clear 2") for text in timeline(services)), timeline(
        services
    )


def test_nobody_approves_their_own_and_nobody_without_the_role_does(services: Services, airflow: PaperAirflow) -> None:
    plan = held(services)
    own, nobody = approve.approve(services, ANA, plan.id), approve.approve(services, EVE, plan.id)
    assert isinstance(own, Refused)
    assert "someone else must approve it" in own.reason
    assert isinstance(nobody, Refused)
    assert nobody.missing is Role.responder
    assert standing(services, plan) is Standing.waiting
    assert acted(airflow) == []
    assert audited(services)[-1][:2] == ("Eve", "clear")


def test_the_asker_cannot_carry_it_out_by_confirming_again(services: Services, airflow: PaperAirflow) -> None:
    plan = held(services)
    for _ in range(3):
        assert isinstance(plans.confirm(services, ANA, plan.id), Refused)
    assert acted(airflow) == []


def test_of_two_who_approve_at_once_one_counts(services: Services) -> None:
    plan = held(services)
    results = at_once(lambda: approve.approve(services, BEN, plan.id), lambda: approve.approve(services, CLEO, plan.id))
    assert sorted(type(result).__name__ for result in results) == ["Refused", "Remediation"], results


def test_a_list_that_moved_while_it_waited_is_not_carried_out(services: Services, airflow: PaperAirflow) -> None:
    plan = held(services)
    ref = TaskRef("sales", RUN, "publish", -1)
    airflow.instances[ref] = TaskInstance(ref, "failed", 1)
    refused = approve.approve(services, BEN, plan.id)
    assert isinstance(refused, Refused)
    assert "The list moved since Ana confirmed it" in refused.reason
    assert standing(services, plan) is Standing.moved
    assert acted(airflow) == []
    assert isinstance(approve.approve(services, BEN, plan.id), Refused)


def test_the_first_person_can_take_it_back_and_nobody_else_can(services: Services) -> None:
    plan = held(services)
    other = second_person.take_back(services, BEN, plan.id)
    assert isinstance(other, Refused)
    assert "Only Ana" in other.reason
    assert second_person.take_back(services, ANA, plan.id) is None
    refused = approve.approve(services, BEN, plan.id)
    assert isinstance(refused, Refused)
    assert "taken back" in refused.reason
    assert "Ana took the request to clear 2 back" in timeline(services)


def test_after_ten_minutes_it_is_over(services: Services) -> None:
    plan = held(services)
    clock = services.clock
    assert isinstance(clock, Clock)
    clock.pass_by(minutes=10)
    refused = approve.approve(services, BEN, plan.id)
    assert isinstance(refused, Refused)
    assert "Nobody approved that within ten minutes" in refused.reason
    assert standing(services, plan) is Standing.expired
    assert any("Nobody approved Ana's request to clear 2" in text for text in timeline(services))


def test_the_request_is_told_in_the_channel_and_every_change_of_it(services: Services) -> None:
    shown: list[tuple[str, str, str]] = []

    def show(one: Approval, channel: str, thread: str) -> tuple[str, str]:
        shown.append((one.standing.value, channel, thread))
        return "C9", "1.1"

    plan = held(services)
    approve.tell(services, show)
    approve.tell(services, show)
    assert shown == [("waiting", "C1", "")]
    approve.approve(services, BEN, plan.id)
    approve.tell(services, show)
    approve.tell(services, show)
    assert [one[0] for one in shown] == ["waiting", "approved"]


def test_a_place_that_cannot_be_written_is_left_for_the_root_routes_channel(services: Services) -> None:
    tried: list[str] = []

    def show(one: Approval, channel: str, thread: str) -> tuple[str, str]:
        tried.append(channel)
        if len(tried) == 1:
            raise Temporary("Slack asks to slow down")
        if channel == "C1":
            raise Permanent("Slack: not there", "channel_not_found")
        return "C9", "1.1"

    held(services)
    approve.tell(services, show)
    approve.tell(services, show)
    approve.tell(services, show)
    assert tried == ["C1", "C1", services.policy.channel]


def test_a_dag_without_the_tag_needs_nobody_else(services: Services, airflow: PaperAirflow) -> None:
    airflow.dags_by_id["sales"] = Dag("sales", False)
    assert isinstance(plans.confirm(services, ANA, planned(services).id), Remediation)


def test_where_airflow_does_not_tell_the_tags_nobody_may(services: Services, airflow: PaperAirflow) -> None:
    plan = planned(services)
    airflow.away = True
    assert isinstance(authorization.weigh(services, ANA, plan), Yes), "they were told some seconds ago"
    services.tags.clear()
    refused = authorization.weigh(services, ANA, plan)
    assert isinstance(refused, Refused)
    assert "depends on a tag of sales" in refused.reason


@pytest.mark.parametrize(("scopes", "failed", "wide"), [
    ([Scope("sales", RUN)], 5, False),
    ([Scope("sales", RUN)], 6, True),
    ([Scope("sales", RUN, only_failed=False)], 2, True),
    ([Scope("sales", RUN, (("load", None),), only_failed=False, downstream=True)], 2, False),
    ([Scope("sales", RUN, (("load", None),), only_failed=False, downstream=True),
      Scope("sales", "other", (("load", None),), only_failed=False, downstream=True)], 2, True),
    ([Scope("sales", RUN, downstream=True), Scope("sales", "other", downstream=True)], 2, False),
])  # fmt: skip
def test_a_wide_clear_is_the_operators(tmp_path: Path, scopes: list[Scope], failed: int, wide: bool) -> None:
    airflow = an_airflow(failed, ())
    services = some_services(f"sqlite:///{tmp_path / 's.db'}", Clock(), access=SECOND, airflows={"prod": airflow})
    made = clear.plan_clear(services, ANA, "prod", scopes, "C1")
    assert isinstance(made, Refused if wide else Plan), made
    if isinstance(made, Refused):
        assert made.missing is Role.operator
        assert made.who == ("U0CLEO",)
    assert isinstance(clear.plan_clear(services, CLEO, "prod", scopes, "C1"), Plan)
    services.store.close()


class TestBrokenGlass:
    def test_it_gives_the_role_for_its_time_marks_every_act_and_is_said_twice(self, services: Services) -> None:
        said: list[tuple[str, int | None]] = []

        def say(glass: Glass, channel: str, deeds: int | None) -> None:
            said.append((f"{glass.person.name} in {channel}", deeds))

        scope = [Scope("sales", RUN, only_failed=False)]
        assert isinstance(clear.plan_clear(services, ANA, "prod", scope, "C1", 1), Refused)
        made = self.begin(services, "the month-end load stands still")
        assert isinstance(made, Glass), made
        break_glass.tell(services, say)
        break_glass.tell(services, say)
        with audit.asked(Request("clear", "sales")):
            assert isinstance(clear.plan_clear(services, ANA, "prod", scope, "C1", 1), Plan)
            plan = planned(services)
            plans.confirm(services, ANA, plan.id)
        clock = services.clock
        assert isinstance(clock, Clock)
        clock.pass_by(minutes=30)
        assert isinstance(clear.plan_clear(services, ANA, "prod", scope, "C1", 1), Refused)
        break_glass.tell(services, say)
        break_glass.tell(services, say)
        assert said == [("Ana in #data-alerts", None), ("Ana in #data-alerts", 1)]

    def begin(self, services: Services, reason: str, minutes: int = 30, person: Person = ANA) -> Glass | Refused:
        from datetime import timedelta

        return break_glass.begin(services, person, timedelta(minutes=minutes), reason)

    @pytest.mark.parametrize(("person", "minutes", "reason", "said"), [
        (BEN, 30, "x", "You may not break the glass"),
        (ANA, 31, "x", "at most 30 min"),
        (ANA, 0, "x", "at most 30 min"),
        (ANA, 30, "  ", "needs a reason"),
    ])  # fmt: skip
    def test_who_may_not_and_what_is_missing(
        self, services: Services, person: Person, minutes: int, reason: str, said: str
    ) -> None:
        refused = self.begin(services, reason, minutes, person)
        assert isinstance(refused, Refused)
        assert said in refused.reason
        assert audited(services)[-1][:2] == (person.name, "break-glass")

    def test_whoever_has_the_role_breaks_nothing(self, services: Services) -> None:
        services.access = access({"operator": ["U0ANA"], "break_glass": {"who": ["U0ANA"]}})
        refused = self.begin(services, "x")
        assert isinstance(refused, Refused)
        assert "You are operator already" in refused.reason
        services.access = Access()
        nowhere = self.begin(services, "x")
        assert isinstance(nowhere, Refused)
        assert "names nobody" in nowhere.reason

    def test_it_can_be_ended_and_survives_a_restart(self, services: Services) -> None:
        assert isinstance(self.begin(services, "x"), Glass)
        assert isinstance(self.begin(services, "again"), Refused)
        again = Services(store=services.store, clock=services.clock, access=SECOND, airflows=services.airflows)
        scope = [Scope("sales", RUN, only_failed=False)]
        assert isinstance(clear.plan_clear(again, ANA, "prod", scope, "C1", 1), Plan)
        assert break_glass.end(again, ANA) is None
        assert isinstance(clear.plan_clear(again, ANA, "prod", scope, "C1", 1), Refused)
        assert isinstance(break_glass.end(again, ANA), Refused)
