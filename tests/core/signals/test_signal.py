"""Signals: what is taken, what is refused and by which field's name, and what makes two of them the same."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.signals.signal import Family, Mood, task_thing
from bot.core.signals.wire import (
    REQUIRED,
)
from tests.given import RUN, told

SAME = {"hostname": "worker-9", "source": "sweep", "occurred_at": "2026-11-22T04:00:00Z", "state": "failed", "owner": "x",
        "exception": {"type": "Other"}}  # fmt: skip
OTHER: list[dict[str, Any]] = [
    {"deployment": "test"}, {"dag_id": "other"}, {"run_id": "other"}, {"task_id": "other"}, {"map_index": 3},
    {"try_number": 2}, {"kind": "task_succeeded"},
]  # fmt: skip


@pytest.mark.parametrize("changed", [{name: value} for name, value in SAME.items()], ids=list(SAME))
def test_the_same_failure_told_by_another_road_has_the_same_identity(changed: dict[str, Any]) -> None:
    assert told(**changed).identity == told().identity


@pytest.mark.parametrize("changed", OTHER, ids=[next(iter(row)) for row in OTHER])
def test_another_subject_has_another_identity(changed: dict[str, Any]) -> None:
    assert told(**changed).identity != told().identity


def test_names_that_run_into_each_other_stay_apart() -> None:
    assert told(dag_id="a", run_id="b.c").thing != told(dag_id="a.b", run_id="c").thing


@pytest.mark.parametrize(
    ("sick", "well"), [("run_failed", "run_succeeded"), ("import_error", "import_fixed"), ("check_failed", "check_ok")]
)
def test_what_is_mended_may_break_again(sick: str, well: str) -> None:
    assert told(sick).opposites() == (told(well).identity,)
    assert told(sick).identity in told(well).opposites()


def test_a_check_that_becomes_worse_is_news_and_one_recovery_ends_both() -> None:
    warning, critical = told("check_failed", severity="warning"), told("check_failed", severity="critical")
    assert warning.identity != critical.identity
    assert {warning.identity, critical.identity} <= set(told("check_ok").opposites())


def test_a_task_that_failed_on_one_try_is_no_opposite_of_its_success() -> None:
    assert told().opposites() == ()


def test_an_external_signal_says_by_its_state_that_it_is_well() -> None:
    sick, well = told("external"), told("external", state="resolved")
    assert (sick.mood, well.mood) == (Mood.sick, Mood.well)
    assert sick.opposites() == (well.identity,)
    assert well.heals() == (sick.thing,)


@pytest.mark.parametrize(
    ("well", "sick"),
    [("task_succeeded", "task_failed"), ("run_succeeded", "run_failed"), ("import_fixed", "import_error"),
     ("check_ok", "check_failed")],
)  # fmt: skip
def test_a_report_of_well_being_heals_its_own_thing(well: str, sick: str) -> None:
    assert told(sick).thing in told(well).heals()
    assert told(sick).heals() == ()


def test_a_success_on_a_later_try_heals_the_failure_on_an_earlier_one() -> None:
    assert told(try_number=1).thing in told("task_succeeded", try_number=2).heals()


def test_a_task_that_succeeds_heals_its_own_lateness_and_no_other_index() -> None:
    heals = told("task_succeeded").heals()
    assert told("sla_missed", run_id=RUN, task_id="load").thing in heals
    assert told(map_index=3).thing not in heals


def test_the_key_of_a_task_can_be_made_without_a_signal() -> None:
    assert task_thing("prod", "sales", RUN, "load", 4) == told(map_index=4).thing


@pytest.mark.parametrize(
    ("kind", "changed", "label"),
    [
        ("task_failed", {}, "sales.load"),
        ("task_failed", {"map_index": 6}, "sales.load[6]"),
        ("run_failed", {}, "sales"),
        ("import_error", {}, "dags/sales.py"),
        ("check_failed", {"name": "celery"}, "scheduler-heartbeat celery"),
        ("external", {}, "disk almost full"),
    ],
)
def test_a_signal_is_called_as_people_write_it(kind: str, changed: dict[str, Any], label: str) -> None:
    assert told(kind, **changed).label == label


def test_every_family_says_which_fields_name_it() -> None:
    assert set(REQUIRED) == set(Family)
