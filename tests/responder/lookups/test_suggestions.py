"""What there is to choose from: in time, whatever Airflow does; and never older than some seconds."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import cast

import pytest

from bot.core.airflow.protocol import Airflow, Run, TaskInstance, TaskRef
from bot.core.errors import Refused
from bot.responder.lookups.suggestions import AT_MOST, KEPT, Catalog, likely, offers
from bot.responder.services import Services
from tests.given import some_services
from tests.scenarios.imagined import Imagined


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def airflow() -> Imagined:
    return Imagined("prod")


@pytest.fixture
def services(tmp_path: Path, airflow: Imagined) -> Services:
    both = {"prod": airflow, "test": Imagined("test")}
    return some_services(
        f"sqlite:///{tmp_path / 'w.db'}", airflows={name: cast(Airflow, one) for name, one in both.items()}
    )


def test_every_deployment_is_asked_and_one_that_hangs_harms_no_other(services: Services, airflow: Imagined) -> None:
    airflow.free.clear()
    begun = time.monotonic()
    prod, test = Catalog(services).dags("sales")
    airflow.free.set()
    assert time.monotonic() - begun < AT_MOST + 1
    assert (prod.items, prod.trouble) == ((), "prod does not answer.")
    assert [dag.dag_id for dag in test.items] == ["sales_daily", "sales_weekly"]


def test_what_was_learnt_is_asked_again_after_some_seconds(services: Services, airflow: Imagined) -> None:
    clock = Seconds()
    catalog = Catalog(services, clock)
    catalog.runs("prod", "sales_daily")
    catalog.runs("prod", "sales_daily")
    assert airflow.asked == ["runs sales_daily"]
    clock.now = KEPT + 0.1
    catalog.runs("prod", "sales_daily")
    assert airflow.asked == ["runs sales_daily"] * 2


def test_many_who_type_at_once_are_all_answered(services: Services) -> None:
    catalog = Catalog(services)
    found: list[int] = []
    threads = [threading.Thread(target=lambda n=n: found.append(len(catalog.dags(f"{n % 3}")))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [2] * 20


def test_what_is_not_there_is_a_sentence(services: Services, airflow: Imagined) -> None:
    catalog = Catalog(services)
    assert catalog.runs("moon", "sales").trouble == "There is no deployment moon."
    assert catalog.dag("prod", "nothing") == Refused("prod has no DAG `nothing`.", "status")
    airflow.trouble = "Airflow (prod) is away"
    assert catalog.dag("prod", "sales_weekly") == Refused("Airflow (prod) is away", "status")


def test_a_runs_tasks_are_offered_failed_ones_first_and_a_mapped_one_by_its_indexes() -> None:
    rows = [
        ("extract", -1, "success"),
        ("load", 1, "failed"),
        ("load", 0, "success"),
        ("publish", -1, "upstream_failed"),
    ]
    made = offers([TaskInstance(TaskRef("d", "r", task, index), state) for task, index, state in rows])
    assert [(one.label, one.state, one.mapped) for one in made] == [
        ("load", "failed", 2), ("load[1]", "failed", 0), ("publish", "upstream_failed", 0), ("extract", "success", 0),
        ("load[0]", "success", 0),
    ]  # fmt: skip


def test_the_run_that_is_likely_meant_is_the_newest_that_failed() -> None:
    runs = [Run("d", "3", "running"), Run("d", "2", "failed"), Run("d", "1", "failed")]
    assert (likely(runs), likely(runs[:1]), likely([])) == (runs[1], runs[0], None)
