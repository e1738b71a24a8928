"""find: what a person meant; every cut of a dotted name is tried, and a guess is never acted on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import pytest

from bot.core.airflow.protocol import Airflow, Dag, Run
from bot.core.errors import Refused, Temporary
from bot.responder.lookups.find import Target, Unclear, find
from bot.responder.services import Services
from bot.store.database import Store

TASKS = {
    "sales": ["load", "group.load", "store"],
    "sales.eu": ["load"],
    "fin.close.daily": ["post"],
    "empty": [],
    "two": ["eu"],
    "two.eu": ["load"],
}
RUNS = {
    "sales": [
        "manual__2026-11-22T09:00:00+00:00",
        "scheduled__2026-11-22T05:00:00+00:00",
        "scheduled__2026-11-21T05:00:00+00:00",
    ]
}


class Told:
    """An Airflow that knows these DAGs and runs, newest run first."""

    name = "prod"

    def __init__(self, name: str = "prod", away: bool = False) -> None:
        self.name, self.away = name, away

    def within(self, _: float) -> AbstractContextManager[None]:
        return nullcontext()

    def dag(self, dag_id: str) -> Dag | None:
        if self.away:
            raise Temporary(f"{self.name} does not answer")
        return Dag(dag_id, False) if dag_id in TASKS else None

    def dags(self, **_: object) -> list[Dag]:
        return [Dag(dag_id, False) for dag_id in sorted(TASKS)]

    def task_ids(self, dag_id: str) -> list[str] | None:
        return TASKS.get(dag_id)

    def run(self, dag_id: str, run_id: str) -> Run | None:
        return Run(dag_id, run_id, "failed") if run_id in RUNS.get(dag_id, []) else None

    def runs(self, dag_id: str, **_: object) -> list[Run]:
        return [Run(dag_id, run_id, "failed") for run_id in RUNS.get(dag_id, [])]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    airflows = {name: cast(Airflow, Told(name)) for name in ("prod", "test")}
    return Services(Store(f"sqlite:///{tmp_path / 's.db'}"), airflows=airflows)


def target(found: Target | Refused) -> Target:
    assert isinstance(found, Target), found
    return found


@pytest.mark.parametrize(
    ("name", "dag_id", "task_id"),
    [
        ("sales", "sales", ""),
        ("sales.load", "sales", "load"),
        ("sales.group.load", "sales", "group.load"),
        ("sales.eu", "sales.eu", ""),
        ("sales.eu.load", "sales.eu", "load"),
        ("fin.close.daily.post", "fin.close.daily", "post"),
    ],
)
def test_every_cut_is_tried_and_the_longest_dag_wins(services: Services, name: str, dag_id: str, task_id: str) -> None:
    found = target(find(services, name))
    assert (found.dag_id, found.task_id, found.run) == (dag_id, task_id, None)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"name": "salse"}, "prod has no DAG `salse`. Near it: `sales`"),
        ({"name": "sales.laod"}, "prod has no task `laod` in sales. Near it: `sales.load`"),
        ({"name": "zzzzzz"}, "prod has no DAG `zzzzzz`."),
        ({"name": "nope", "task": "load"}, "prod has no DAG `nope`."),
        ({"name": "sales", "run": "2026-10"}, "prod has no run of sales `2026-10`."),
        ({"name": "sales", "run": "scheduled"}, "2 runs of `sales` fit `scheduled`"),
        ({"name": "empty", "needs_run": True}, "`empty` has no run yet."),
        ({"name": "sales", "deployment": "moon"}, "moon"),
    ],
)
def test_what_is_unknown_or_ambiguous_is_refused_with_names(
    services: Services, asked: dict[str, Any], reason: str
) -> None:
    found = find(services, **asked)
    assert isinstance(found, Refused), found
    assert reason in found.reason


@pytest.mark.parametrize(
    ("run", "needs_run", "chosen"),
    [
        (RUNS["sales"][1], False, RUNS["sales"][1]),
        ("2026-11-21", False, RUNS["sales"][2]),
        ("manual", False, RUNS["sales"][0]),
        ("", True, RUNS["sales"][0]),
        ("", False, None),
    ],
)
def test_a_run_is_found_by_its_name_its_date_or_by_being_the_newest(
    services: Services, run: str, needs_run: bool, chosen: str | None
) -> None:
    found = target(find(services, "sales", run=run, needs_run=needs_run))
    assert (found.run.run_id if found.run else None) == chosen


def test_the_deployment_is_the_one_named_else_the_first(services: Services) -> None:
    assert target(find(services, "sales", deployment="test")).airflow.name == "test"
    assert target(find(services, "sales")).airflow.name == "prod"


def test_an_airflow_that_is_away_is_said_and_nothing_is_guessed(services: Services) -> None:
    services.airflows = {"prod": cast(Airflow, Told(away=True))}
    found = find(services, "sales")
    assert isinstance(found, Refused)
    assert found.reason == "prod does not answer"


def test_without_any_airflow_it_is_refused(services: Services) -> None:
    services.airflows = {}
    assert isinstance(find(services, "sales"), Refused)


def test_a_name_that_is_two_things_is_chosen_by_the_person(services: Services) -> None:
    found = find(services, "two.eu", deployment="prod", run="2026-11-21")
    assert isinstance(found, Unclear)
    assert "the DAG `two.eu` or the task `eu` of `two`" in found.reason
    assert found.choices == ("prod:two.eu/@2026-11-21", "prod:two/eu@2026-11-21")
    chosen = [target(find(services, choice.partition(":")[2].partition("@")[0])) for choice in found.choices]
    assert [(one.dag_id, one.task_id) for one in chosen] == [("two.eu", ""), ("two", "eu")]


@pytest.mark.parametrize(
    ("asked", "choices"),
    [
        ({"name": "salse"}, ("sales",)),
        ({"name": "salse.load", "map_index": 3}, ("sales.load[3]",)),
        ({"name": "sales.laod", "map_index": 3, "run": "latest"}, ("sales.load[3]@latest",)),
        ({"name": "sales", "run": "manual__2026-11-22T09:00"}, None),
        ({"name": "sales", "run": "scheduled"}, tuple(f"sales@{run}" for run in RUNS["sales"][1:])),
    ],
)
def test_what_is_near_is_offered_as_whole_refs(
    services: Services, asked: dict[str, Any], choices: tuple[str, ...] | None
) -> None:
    found = find(services, **asked)
    if choices is None:
        assert target(found).run is not None
    else:
        assert isinstance(found, Unclear), found
        assert found.choices[: len(choices)] == choices


@pytest.mark.parametrize(("run", "place"), [("latest", 0), ("last-failed", 0), ("LATEST", 0)])
def test_a_run_can_be_the_latest_one(services: Services, run: str, place: int) -> None:
    found = target(find(services, "sales", run=run))
    assert found.run is not None
    assert found.run.run_id == RUNS["sales"][place]
