"""Without a metastore the API is asked for a few runs, and the answer says which."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from bot.core.airflow.protocol import Airflow, Dag, Run, TaskInstance, TaskRef
from bot.core.errors import Permanent
from bot.responder.lookups.api_history import MOST_DAGS, NEWEST, RUNS_OF_EACH, ApiHistory
from bot.responder.lookups.report_card import card, slower
from bot.responder.questions import RunSeen, TaskDuration, TaskSeen
from tests.airflow.paper import NOW, PaperAirflow

LATELY = NOW - timedelta(days=1)


def an_airflow(runs: int = 30) -> PaperAirflow:
    """Runs of `sales`, one an hour; in the newest five `load` takes a minute, before that ten seconds."""
    made = PaperAirflow(now=NOW)
    made.dags_by_id["sales"] = Dag("sales", False)
    for number in range(runs):
        began = NOW - timedelta(hours=number + 1)
        state = "failed" if number == 1 else "success"
        run = Run("sales", f"r{number:02}", state, "scheduled", began, began, began, began + timedelta(seconds=90))
        made.runs_by_id[run.dag_id, run.run_id] = run
        one = TaskInstance(
            TaskRef("sales", run.run_id, "load"), state, 2, 1, duration=60.0 if number < NEWEST else 10.0
        )
        made.instances[one.ref] = one
    return made


def history(airflow: PaperAirflow, *dag_ids: str) -> ApiHistory:
    return ApiHistory(cast(Airflow, airflow), dag_ids)


def test_the_newest_runs_are_held_against_those_before() -> None:
    told = history(an_airflow(), "sales", "sales")
    found = told.slow(LATELY, LATELY)
    assert found == [TaskDuration("sales", "load", NEWEST - 1, 60.0, 60.0, RUNS_OF_EACH - NEWEST, 10.0, 10.0)]
    assert slower(found) == found
    assert told.source == "API, without a metastore: the last 5 runs against 11 before, of sales"


def test_few_dags_are_asked_about_and_none_is_said() -> None:
    airflow = an_airflow()
    history(airflow, *[f"dag{n}" for n in range(20)]).slow(LATELY, LATELY)
    assert len({what for verb, what in airflow.asked if verb == "runs"}) <= MOST_DAGS
    with pytest.raises(Permanent, match="only DAGs with alerts are looked at, and there are none"):
        history(airflow).slow(LATELY, LATELY)


def test_a_report_is_made_of_the_api_alike() -> None:
    made = card(history(an_airflow()), "prod", "sales", 0.25, NOW)
    assert [run.run_id for run in made.runs] == [f"r{n:02}" for n in range(6)]
    assert made.runs[0] == RunSeen("r00", "success", NOW - timedelta(hours=1), 90.0)
    assert [run.run_id for run in made.before] == [f"r{n:02}" for n in range(6, 12)]
    assert made.rate == pytest.approx(83.3, abs=0.1)
    assert list(made.tasks) == [TaskSeen("load", 6, 1, 6, 60.0, 60.0)]
