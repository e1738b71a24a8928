"""The checks against the metastores of real Airflows of both majors."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from bot.checks.catalog import ALL
from bot.checks.catalog.tasks import STALE_HEARTBEATS
from bot.checks.check import Check
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Sweep
from bot.core.signals.signal import Signal
from tests.checks.worlds import Memory
from tests.stacks import RunningAirflow

BROKEN = "import a_module_that_is_not_here  # airflow dag\n"


class Services:
    """Sweeps one Airflow; `until` sweeps again until a signal came."""

    def __init__(self, metastore: Metastore, checks: tuple[Check, ...] = ALL) -> None:
        self.told: list[Signal] = []
        self.sweep = Sweep(checks, metastore, "test", self.told.extend, Memory())

    def until(self, seconds: float = 60, **wanted: str) -> Signal:
        end = time.monotonic() + seconds
        while True:
            results = self.sweep.run()
            assert [result.error for result in results if result.error] == []
            for signal in self.told:
                if all(getattr(signal, name) == value for name, value in wanted.items()):
                    return signal
            assert time.monotonic() < end, f"no {wanted} in {self.told}"
            time.sleep(0.3)


def the_scheduler_is_well(airflow: RunningAirflow, metastore: Metastore) -> None:
    assert metastore.major == airflow.major
    (result,) = Services(metastore).sweep.run(["scheduler-heartbeat"])
    assert (result.error, result.findings) == (None, ())


def a_broken_file_is_found_and_mended(airflow: RunningAirflow, metastore: Metastore) -> None:
    assert airflow.stack is not None
    folder = airflow.stack.dags_folder / "sweeps"
    folder.mkdir(exist_ok=True)
    path = folder / "broken_for_the_sweep.py"
    path.write_text(BROKEN)
    services = Services(metastore)
    told = services.until(90, kind="import_error", file="sweeps/broken_for_the_sweep.py")
    assert told.exception.type == "ModuleNotFoundError"
    assert told.extra["facts"]["line"] == 1
    path.write_text("# airflow dag: mended\n")
    services.until(90, kind="import_fixed", file="sweeps/broken_for_the_sweep.py")


SLEEPER = '''
"""Runs long enough to be looked at."""
import time
from datetime import datetime, timezone
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task
with DAG("sleeper", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False):
    @task
    def nap():
        time.sleep(12)
    nap()
'''


def a_task_whose_heartbeat_is_too_old_is_found_and_forgotten(airflow: RunningAirflow, metastore: Metastore) -> None:
    assert airflow.stack is not None
    (airflow.stack.dags_folder / "sleeper.py").write_text(SLEEPER)
    airflow.rest.wait_for_dags("sleeper")
    run = airflow.rest.trigger("sleeper")
    services = Services(metastore, (replace(STALE_HEARTBEATS, threshold=0.01),))
    told = services.until(60, kind="check_failed", dag_id="sleeper")
    assert (told.run_id, told.task_id, told.try_number) == (run, "nap", 1)
    assert told.hostname
    services.until(60, kind="check_ok", dag_id="sleeper")


STORIES = [
    the_scheduler_is_well,
    a_broken_file_is_found_and_mended,
    a_task_whose_heartbeat_is_too_old_is_found_and_forgotten,
]


@pytest.mark.parametrize("story", STORIES)
def test_sweeps_of_airflow_3(story: Callable[..., None], airflow_3: RunningAirflow) -> None:
    with closing(Metastore(airflow_3.metastore_url)) as metastore:
        story(airflow_3, metastore)


@pytest.mark.parametrize("story", STORIES)
def test_sweeps_of_airflow_2(story: Callable[..., None], airflow_2: RunningAirflow) -> None:
    with closing(Metastore(airflow_2.metastore_url)) as metastore:
        story(airflow_2, metastore)
