"""Plans: what a preview marks, what makes its digest, and how far Airflow is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from bot.core.airflow.protocol import RUNNING_STATES, TaskInstance, TaskRef
from bot.core.remediation import (
    PLAN_LIFE,
    Change,
    Plan,
    Surprise,
    clear_changes,
    difference,
    digest,
    still_running,
    tally,
)
from tests.given import ANA, NOW

LOAD = TaskRef("sales", "r1", "load")
STORE = TaskRef("sales", "r1", "store")
PART = TaskRef("sales", "r1", "part", 3)


def change(ref: TaskRef, before: str = "failed") -> Change:
    return Change(ref.label, before, "runs again", ref.run_id, ref)


def test_a_digest_is_of_the_set_and_not_of_its_order() -> None:
    changes = [change(LOAD), change(STORE), change(PART)]
    assert len({digest(order) for order in permutations(changes)}) == 1


@pytest.mark.parametrize(
    "other",
    [
        [change(LOAD)],
        [change(LOAD), change(STORE), change(PART)],
        [change(LOAD), change(STORE, "running")],
        [change(LOAD), change(replace(STORE, run_id="r2"))],
        [change(LOAD), change(replace(STORE, dag_id="other"))],
        [change(LOAD), change(replace(STORE, map_index=0))],
        [change(LOAD), replace(change(STORE), after="success")],
    ],
    ids=["one less", "one more", "another state", "another run", "another DAG", "another index", "another outcome"],
)
def test_a_list_that_moved_has_another_digest(other: list[Change]) -> None:
    assert digest(other) != digest([change(LOAD), change(STORE)])


@pytest.mark.parametrize(
    ("ref", "state", "asked", "surprise", "after"),
    [
        (LOAD, "failed", [LOAD], Surprise.none, "runs again"),
        (LOAD, "failed", [], Surprise.none, "runs again"),
        (LOAD, "success", [LOAD], Surprise.none, "runs again"),
        (STORE, "success", [LOAD], Surprise.succeeded, "runs again"),
        (STORE, "running", [STORE], Surprise.running, "stopped, runs again"),
        (STORE, "deferred", [LOAD], Surprise.running, "stopped, runs again"),
        (replace(PART, map_index=4), "success", [PART], Surprise.neighbour, "runs again"),
        (replace(PART, map_index=4), "failed", [PART], Surprise.neighbour, "runs again"),
        (PART, "failed", [PART], Surprise.none, "runs again"),
    ],
)
def test_a_preview_marks_what_nobody_asked_for(
    ref: TaskRef, state: str, asked: list[TaskRef], surprise: Surprise, after: str
) -> None:
    (line,) = clear_changes([TaskInstance(ref, state)], asked)
    assert (line.surprise, line.after, line.before, line.ref) == (surprise, after, state, ref)


def test_a_preview_is_in_the_order_of_names() -> None:
    found = [TaskInstance(ref, "failed") for ref in (STORE, PART, LOAD)]
    assert [line.what for line in clear_changes(found, [])] == ["load", "part[3]", "store"]


def test_what_moved_is_shown_line_by_line() -> None:
    old = [change(LOAD), change(STORE)]
    new = [change(LOAD), change(STORE, "running"), change(PART)]
    assert difference(old, new) == {new[1]: "±", new[2]: "+"}
    assert difference(old, old) == {}


def test_how_far_airflow_is() -> None:
    states = [
        "success",
        "skipped",
        "failed",
        "upstream_failed",
        "removed",
        "running",
        "deferred",
        "queued",
        "none",
        "scheduled",
    ]
    assert tally(states) == {"done": 2, "failed": 3, "running": 2, "waiting": 3}
    assert all(still_running(state) for state in (*RUNNING_STATES, "none", "up_for_retry"))
    assert not any(still_running(state) for state in ("success", "failed", "skipped", "upstream_failed", "removed"))


def test_a_plan_ends_by_itself() -> None:
    plan = Plan("x", "clear", "prod", (change(LOAD), change(STORE)), ANA, NOW)
    assert plan.expires_at == NOW + PLAN_LIFE == NOW + timedelta(minutes=10)
    assert plan.dag_ids == ("sales",)
