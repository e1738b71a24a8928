"""The plugin inside real Airflows: who tells what, with which identity, and what a dead bot costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from bot.core.signals.wire import parse
from tests.plugin.receiver import Receiver, receiving
from tests.stacks import SIGNAL_TOKEN, RunningAirflow


@pytest.fixture
def three(airflow_3: RunningAirflow) -> Iterator[tuple[RunningAirflow, Receiver]]:
    with receiving(airflow_3.signal_port, SIGNAL_TOKEN) as receiver:
        yield airflow_3, receiver


@pytest.fixture
def two(airflow_2: RunningAirflow) -> Iterator[tuple[RunningAirflow, Receiver]]:
    with receiving(airflow_2.signal_port, SIGNAL_TOKEN) as receiver:
        yield airflow_2, receiver


def start(airflow: RunningAirflow, dag: str) -> str:
    airflow.rest.wait_for_dags(dag)
    return airflow.rest.trigger(dag)


def a_failure_has_the_identity_that_airflow_shows(airflow: RunningAirflow, receiver: Receiver) -> None:
    run = start(airflow, "sales_daily")
    assert airflow.rest.wait_for_end("sales_daily", run) == "failed"
    failed = {
        name: tries
        for name, (state, tries) in airflow.rest.task_states("sales_daily", run).items()
        if state == "failed"
    }
    assert failed
    for name, tries in failed.items():
        task, _, index = name.partition("[")
        signal = receiver.find(
            kind="task_failed",
            dag_id="sales_daily",
            run_id=run,
            task_id=task,
            map_index=int(index[:-1]) if index else -1,
        )
        assert (signal["try_number"], signal["deployment"], signal["state"]) == (tries, "test", "failed")
        assert signal["exception"]["type"]
        assert 'File "' in signal["exception"]["traceback"]
        parse(signal, datetime.now(UTC))
    receiver.find(kind="run_failed", dag_id="sales_daily", run_id=run)


def a_killed_try(airflow: RunningAirflow, receiver: Receiver) -> None:
    """Airflow 2 tells of it from the DAG processor; Airflow 3 tells no task hook, only that the run failed."""
    run = start(airflow, "model_training")
    assert airflow.rest.wait_for_end("model_training", run) == "failed"
    receiver.find(kind="run_failed", dag_id="model_training", run_id=run)
    if airflow.major == 2:
        signal = receiver.find(kind="task_failed", dag_id="model_training", run_id=run, task_id="train")
        assert (signal["try_number"], signal["exception"]["type"]) == (1, "")
        assert "'Task Id': 'train'" in signal["exception"]["message"]
    else:
        told = [signal["kind"] for signal in receiver.signals if signal.get("dag_id") == "model_training"]
        assert told == ["run_failed"]


def a_broken_file_is_told_under_its_short_name(airflow: RunningAirflow, receiver: Receiver) -> None:
    signal = receiver.find(seconds=120, kind="import_error", file="campaign_attribution.py")
    assert signal["exception"]["type"] == "ModuleNotFoundError"


STORIES = [
    a_failure_has_the_identity_that_airflow_shows,
    a_killed_try,
    a_broken_file_is_told_under_its_short_name,
]


@pytest.mark.parametrize("story", STORIES)
def test_in_airflow_3(story: Callable[..., None], three: tuple[RunningAirflow, Receiver]) -> None:
    story(*three)


@pytest.mark.parametrize("story", STORIES)
def test_in_airflow_2(story: Callable[..., None], two: tuple[RunningAirflow, Receiver]) -> None:
    story(*two)


def what_a_dead_bot_missed_arrives_later(airflow: RunningAirflow) -> None:
    assert airflow.spool is not None
    run = start(airflow, "sales_daily")
    assert airflow.rest.wait_for_end("sales_daily", run) == "failed"
    with receiving(airflow.signal_port, SIGNAL_TOKEN) as receiver:
        later = start(airflow, "sales_daily")  # the next process that can deliver takes the spool along
        receiver.find(seconds=90, kind="task_failed", dag_id="sales_daily", run_id=run)
        receiver.find(seconds=90, kind="run_failed", dag_id="sales_daily", run_id=run)
        receiver.find(seconds=90, kind="task_failed", dag_id="sales_daily", run_id=later)


def test_a_dead_bot_beside_airflow_3(airflow_3: RunningAirflow) -> None:
    what_a_dead_bot_missed_arrives_later(airflow_3)


def test_a_dead_bot_beside_airflow_2(airflow_2: RunningAirflow) -> None:
    what_a_dead_bot_missed_arrives_later(airflow_2)
