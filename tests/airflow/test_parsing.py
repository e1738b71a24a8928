"""What Airflow's JSON becomes: the same values from both majors, and nothing that a server leaves out breaks it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.airflow import parsing
from bot.core.airflow.protocol import Param, TaskRef

TWO_DAG = {
    "dag_id": "sales", "is_paused": False, "is_active": True, "owners": ["crm"], "tags": [{"name": "critical"}],
    "schedule_interval": {"__type": "CronExpression", "value": "0 5 * * *"}, "timetable_description": "At 05:00",
    "next_dagrun_create_after": "2026-11-23T05:00:00+00:00", "has_import_errors": False, "max_active_runs": 16,
    "params": {"n": {"__class": "airflow.models.param.Param", "value": 3, "description": None, "schema": {}}},
}  # fmt: skip
THREE_DAG = {
    "dag_id": "sales", "is_paused": False, "is_stale": False, "owners": ["crm"], "tags": [{"name": "critical"}],
    "timetable_summary": "0 5 * * *", "timetable_description": "At 05:00", "has_import_errors": False,
    "next_dagrun_run_after": "2026-11-23T05:00:00Z", "max_active_runs": 16,
    "params": {"n": {"value": 3, "schema": {}, "description": None, "source": None}},
}  # fmt: skip

PARSERS = [
    parsing.task_instance, parsing.run, parsing.dag, parsing.import_fault, parsing.pool, lambda row: parsing.health(row, 0.1),
    parsing.variable, parsing.connection, parsing.task_node, parsing.backfill, parsing.backfill_date, parsing.backfill_moment,
    lambda row: parsing.job(row, is_alive=True),
]  # fmt: skip
KEYS = [
    "dag_id", "dag_run_id", "task_id", "map_index", "state", "try_number", "duration", "start_date", "conf", "tags",
    "owners", "params", "schedule_interval", "is_stale", "scheduler", "slots", "running_slots", "timestamp", "note",
    "downstream_task_ids", "class_ref", "job_type", "latest_heartbeat", "key", "value", "port", "from_date", "id",
    "logical_date", "partition_date",
]  # fmt: skip


def test_a_dag_is_the_same_from_both_majors() -> None:
    two, three = parsing.dag(TWO_DAG), parsing.dag(THREE_DAG)
    assert two == three
    assert two.timetable == "0 5 * * *"
    assert two.params == {"n": Param("n", 3)}
    assert two.next_run == datetime(2026, 11, 23, 5, tzinfo=UTC)


def test_a_dag_without_a_schedule_has_no_timetable() -> None:
    assert (
        parsing.dag({"schedule_interval": None, "timetable_description": "Never, external triggers only"}).timetable
        is None
    )
    assert (
        parsing.dag({"timetable_summary": None, "timetable_description": "Never, external triggers only"}).timetable
        is None
    )


def test_a_stale_dag_is_not_active() -> None:
    assert not parsing.dag({"is_stale": True}).is_active
    assert not parsing.dag({"is_active": False}).is_active
    assert parsing.dag({}).is_active


def test_an_empty_state_is_called_none() -> None:
    found = parsing.task_instance({"dag_id": "d", "dag_run_id": "r", "task_id": "t", "map_index": 4, "state": None})
    assert found.state == "none"
    assert found.ref == TaskRef("d", "r", "t", 4)
    assert parsing.run({"state": None}).state == "none"


def test_a_component_that_does_not_run_there_is_neither_well_nor_sick() -> None:
    answer = {
        "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-11-22T13:33:50Z"},
        "triggerer": {"status": None},
    }
    health = parsing.health(answer, 0.2)
    verdicts = {part.name: part.healthy for part in health.components}
    assert verdicts == {"metadatabase": None, "scheduler": False, "triggerer": None, "dag_processor": None}
    scheduler = health["scheduler"]
    assert scheduler is not None
    assert scheduler.heartbeat == datetime(2026, 11, 22, 13, 33, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T05:00:00Z", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ("2026-11-22T05:00:00+02:00", datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("2026-11-22T05:00:00.5", datetime(2026, 11, 22, 5, 0, 0, 500000, tzinfo=UTC)),
        ("yesterday", None), ("", None), (None, None), (17, None), ("0001-01-01T00:00:00+23:59", None),
    ],
)  # fmt: skip
def test_times_become_aware_utc(text: Any, at: datetime | None) -> None:
    assert parsing.moment(text) == at


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)


@given(json_values | st.dictionaries(st.sampled_from(KEYS), json_values))
@example({"dag_id": None, "dag_run_id": None, "owners": True})
def test_no_answer_however_odd_makes_a_parser_raise(answer: Any) -> None:
    for parse in PARSERS:
        parse(answer)
    parsing.rows(answer, "tags")
