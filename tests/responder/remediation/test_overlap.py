"""Two people confirm overlapping lists: one of them acts, and the other one reads who is at work, at any distance in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.core.airflow.protocol import Airflow, Scope, TaskRef
from bot.core.errors import Refused
from bot.core.remediation import Plan, Progress, Remediation
from bot.responder.actions import backfill, dags, draft, mark, variable
from bot.responder.actions.clear import plan_clear
from bot.responder.remediation import carry_out
from bot.responder.remediation import confirm as plans
from bot.responder.services import Services
from bot.store import at_work, remediations
from bot.store.database import Store
from tests.given import at_once
from tests.responder.flows import ANA, BEN, DAY, RUN, Memory, Trouble, memory, services_of, whole

ROUNDS = 100
INDEXES = 5
PEOPLE = {"ana": ANA, "ben": BEN}


@pytest.fixture
def airflow() -> Memory:
    return memory(INDEXES)


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, airflow: Memory, tmp_path: Path) -> Iterator[Services]:
    made = services_of(airflow, tmp_path)
    if request.param == "postgresql":
        made.store.close()
        made.store = Store(request.getfixturevalue("database"))
        made.store.migrate()
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def two_bots(request: pytest.FixtureRequest, airflow: Memory, tmp_path: Path) -> Iterator[tuple[Services, Services]]:
    """Two all_services on one store: two threads of one bot on SQLite, two bots on PostgreSQL."""
    one = services_of(airflow, tmp_path)
    if request.param == "sqlite":
        yield one, one
        one.store.close()
        return
    one.store.close()
    stores = [Store(request.getfixturevalue("database")) for _ in range(2)]
    stores[0].migrate()
    yield replace(one, store=stores[0]), replace(one, store=stores[1])
    for store in stores:
        store.close()


def clear(services: Services, who: str, *tasks: tuple[str, int | None]) -> Plan:
    scope = Scope("sales", RUN, tasks, only_failed=False) if tasks else whole()
    found = plan_clear(services, PEOPLE[who], "prod", [scope], "C1")
    assert isinstance(found, Plan), found
    return found


def fail_all(airflow: Memory) -> None:
    for ref, state in memory(INDEXES).states.items():
        airflow.states[ref] = state


def carry(services: Services, asked: Remediation) -> Remediation:
    with services.store.read() as t:
        found = remediations.get(t, asked.id)
    assert found is not None
    return carry_out.carry_on(services, found, lambda _: None)


def test_at_the_same_moment_one_acts_and_the_other_reads_who_a_hundred_times_of_a_hundred(
    two_bots: tuple[Services, Services], airflow: Memory
) -> None:
    for number in range(ROUNDS):
        fail_all(airflow)
        lists = [clear(services, who) for services, who in zip(two_bots, PEOPLE, strict=True)]
        before = len(airflow.calls)
        answers = at_once(
            *(lambda d=d, w=w, p=p: plans.confirm(d, PEOPLE[w], p.id)  # type: ignore[misc]
              for d, w, p in zip(two_bots, PEOPLE, lists, strict=True))
        )  # fmt: skip
        acts = [one for one in answers if isinstance(one, Remediation)]
        refused = [one for one in answers if isinstance(one, Refused)]
        assert (len(acts), len(refused)) == (1, 1), f"round {number}: {answers}"
        who = acts[0].person.name
        assert refused[0].reason.startswith(f"{who} is already clearing these 6 (started ")
        carry(two_bots[0], acts[0])
        for ref in lists[0].changes:
            assert ref.ref is not None
            airflow.states[ref.ref] = "success"
        carry(two_bots[1], acts[0])
        assert len(airflow.calls) == before + 1


def until_doing(services: Services, airflow: Memory, asked: Remediation) -> None:
    airflow.trouble.append(Trouble(ConnectionError("the bot dies here"), acts=True))
    with pytest.raises(ConnectionError):
        carry(services, asked)


def until_watching(services: Services, _: Memory, asked: Remediation) -> None:
    assert carry(services, asked).progress is Progress.watching


def until_done(services: Services, airflow: Memory, asked: Remediation) -> None:
    until_watching(services, airflow, asked)
    for change in asked.plan.changes:
        assert change.ref is not None
        airflow.states[change.ref] = "success"
    assert carry(services, asked).progress is Progress.done


def until_failed_again(services: Services, airflow: Memory, asked: Remediation) -> None:
    until_done(services, airflow, asked)
    fail_all(airflow)


LATER: dict[str, Callable[[Services, Memory, Remediation], None]] = {
    "before anything was done": lambda *_: None, "while Airflow is asked": until_doing, "while Airflow works": until_watching,
    "after it was done": until_done, "after it was done and failed again": until_failed_again,
}  # fmt: skip


@pytest.mark.parametrize("later", LATER)
def test_a_list_that_was_made_before_is_refused_at_any_distance(
    services: Services, airflow: Memory, later: str
) -> None:
    first, second = clear(services, "ana"), clear(services, "ben")
    asked = plans.confirm(services, ANA, first.id)
    assert isinstance(asked, Remediation)
    LATER[later](services, airflow, asked)
    calls = len(airflow.calls)
    refused = plans.confirm(services, BEN, second.id)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("Ana ")
    assert f"{asked.asked_at:%H:%M} UTC" in refused.reason
    assert "these 6" in refused.reason
    assert len(airflow.calls) == calls
    assert isinstance(plans.confirm(services, BEN, second.id), Refused), "and it stays refused"


def test_a_list_that_overlaps_in_part_names_what_both_would_touch(services: Services) -> None:
    first, second = clear(services, "ana", ("load", 1), ("load", 2)), clear(services, "ben")
    assert isinstance(plans.confirm(services, ANA, first.id), Remediation)
    refused = plans.confirm(services, BEN, second.id)
    assert isinstance(refused, Refused)
    assert "Ana is already clearing 2 of these 6, load[1], load[2], (started" in refused.reason


def test_lists_that_share_nothing_are_both_carried_out(services: Services) -> None:
    first, second = clear(services, "ana", ("load", 1)), clear(services, "ben", ("load", 2))
    assert isinstance(plans.confirm(services, ANA, first.id), Remediation)
    assert isinstance(plans.confirm(services, BEN, second.id), Remediation)


def test_what_came_to_nothing_stands_in_nobodys_way(services: Services, airflow: Memory) -> None:
    first, second = clear(services, "ana"), clear(services, "ben")
    asked = plans.confirm(services, ANA, first.id)
    assert isinstance(asked, Remediation)
    assert isinstance(plans.stop(services, ANA, first.id), Remediation)
    assert carry(services, asked).progress is Progress.stopped
    assert isinstance(plans.confirm(services, BEN, second.id), Remediation)
    assert airflow.calls == []


def test_a_list_that_was_made_since_may_be_carried_out_while_airflow_works(services: Services, airflow: Memory) -> None:
    asked = plans.confirm(services, ANA, clear(services, "ana").id)
    assert isinstance(asked, Remediation)
    until_watching(services, airflow, asked)
    airflow.states[TaskRef("sales", RUN, "load", 0)] = "running"
    assert isinstance(plans.confirm(services, BEN, clear(services, "ben", ("load", 0)).id), Remediation)


PAIRS: dict[str, Callable[[Services, str], object]] = {
    "pause and unpause": lambda services, who: dags.plan_pause(services, PEOPLE[who], "prod", ["sales"], True, "C1"),
    "trigger": lambda services, who: dags.plan_trigger(services, PEOPLE[who], "prod", "sales", {}, "C1"),
    "variable": lambda services, who: variable.plan_variable(services, PEOPLE[who], "prod", "batch", who, "C1"),
    "backfill": lambda services, who: backfill.plan_backfill(
        services, PEOPLE[who], "prod", "sales", draft.Window(DAY + timedelta(days=1), DAY + timedelta(days=2 + (who == "ben"))),
        "none", "C1"),
    "mark run": lambda services, who: mark.plan_mark_run(services, PEOPLE[who], "prod", "sales", RUN, "success", "C1"),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_every_verb_is_one_persons_at_a_time(services: Services, airflow: Memory, pair: str) -> None:
    lists = [cast("Plan", PAIRS[pair](services, who)) for who in PEOPLE]
    asked = plans.confirm(services, ANA, lists[0].id)
    assert isinstance(asked, Remediation), asked
    refused = plans.confirm(services, BEN, lists[1].id)
    assert isinstance(refused, Refused)
    assert "Ana is already" in refused.reason
    carry(services, asked)
    assert isinstance(plans.confirm(services, BEN, lists[1].id), Refused)
    assert len(airflow.calls) == 1


def test_a_killed_bots_work_is_its_successors(services: Services, airflow: Memory) -> None:
    first, second = clear(services, "ana"), clear(services, "ben")
    asked = plans.confirm(services, ANA, first.id)
    assert isinstance(asked, Remediation)
    until_doing(services, airflow, asked)
    successor = replace(services, airflows={"prod": cast(Airflow, airflow)})
    assert isinstance(plans.confirm(successor, BEN, second.id), Refused)
    assert carry(successor, asked).progress is Progress.watching
    assert isinstance(plans.confirm(successor, BEN, second.id), Refused)


def test_what_is_long_over_is_forgotten(services: Services, airflow: Memory) -> None:
    asked = plans.confirm(services, ANA, clear(services, "ana").id)
    assert isinstance(asked, Remediation)
    until_failed_again(services, airflow, asked)
    now = services.clock()
    services.clock = lambda: now + timedelta(minutes=21)
    assert isinstance(plans.confirm(services, BEN, clear(services, "ben", ("load", 0)).id), Remediation)
    with services.store.read() as t:
        held = at_work.find(t, clear(services, "ana", ("load", 1)))
    assert held is None
