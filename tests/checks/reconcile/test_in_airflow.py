"""Reconcile beside real Airflows of both majors: what it finds, and that the plugin calls it by the same name.

Nobody listens where the plugin reports, so what the hooks say waits in the spool: a test reads it there, and hands it on or
does not.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.airflow.gateway import GatewayConfig, connect
from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.from_api import ApiSource
from bot.checks.reconcile.from_metastore import MetastoreSource
from bot.checks.reconcile.reconcile import Reconcile
from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse
from bot.responder.signals.observe import report
from bot.sandbox.processes.reaper import session
from bot.store import incidents
from bot.store.signals import coverage
from tests.given import some_services, wait_until
from tests.stacks import RunningAirflow

DAGS = '''
"""Tasks that end in every way that a hook may not see."""
import os, signal, time
from datetime import datetime, timedelta, timezone
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task
ANY = {"schedule": None, "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc), "catchup": False}
RETRY = {"retries": 1, "retry_delay": timedelta(seconds=1)}
with DAG("silent_ends", tags=["night"], default_args={"owner": "ml"}, **ANY):
    @task(retries=0)
    def killed():
        os.kill(os.getpid(), signal.SIGKILL)
    @task(**RETRY)
    def killed_once(ti=None):
        if ti.try_number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    @task(**RETRY)
    def raises():
        raise ValueError("row 17")
    @task
    def one_of(index):
        if index == 1:
            raise ValueError("index 1")
    @task
    def after():
        pass
    killed() >> after()
    killed_once()
    raises()
    one_of.expand(index=[0, 1])
with DAG("lost_worker", **ANY):
    @task(retries=0)
    def train():
        os.kill(os.getppid(), signal.SIGKILL)  # whoever looks after the task and beats for it
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
    train()
with DAG("long_nap", **ANY):
    @task(retries=0)
    def nap():
        time.sleep(15)
    nap()
'''
TOLD = ("task_failed", "task_retrying", "run_failed")
ENDS = {  # every failed try of one run of silent_ends
    ("task_failed", "killed", -1, 1),
    ("task_retrying", "killed_once", -1, 1),
    ("task_retrying", "raises", -1, 1),
    ("task_failed", "raises", -1, 2),
    ("task_failed", "one_of", 1, 1),
    ("run_failed", "", -1, 0),
}
NEVER_HOOKED = {2: set(), 3: {("task_failed", "killed", -1, 1)}}

Name = tuple[str, str, int, int]


def name(of: Signal) -> Name:
    return of.kind, of.task_id, of.map_index, of.try_number


class Beside:
    """A bot's store beside a real Airflow; what was news, and from whom."""

    def __init__(self, airflow: RunningAirflow, folder: Path) -> None:
        self.airflow = airflow
        self.told: list[Signal] = []
        self.services = some_services(f"sqlite:///{folder}/bot.db", lambda: datetime.now(UTC))
        self.metastore = Metastore(airflow.metastore_url)
        self.source = MetastoreSource(self.metastore, "test")
        self.reconcile = Reconcile("test", self.source, self.services.store, self.take, self.services.clock)
        assert airflow.stack is not None
        (airflow.stack.dags_folder / "silent_ends.py").write_text(DAGS)
        airflow.rest.wait_for_dags("silent_ends", "lost_worker", "long_nap")

    def close(self) -> None:
        self.metastore.close()
        self.services.store.close()

    def take(self, signals: Sequence[Signal]) -> None:
        self.told += report(self.services, signals)

    def run(self, dag: str) -> str:
        """A run that has ended."""
        run = self.airflow.rest.trigger(dag)
        wait_until(lambda: self.airflow.rest.run_state(dag, run) in ("success", "failed"),
                   lambda: self.airflow.rest.task_states(dag, run), 120)  # fmt: skip
        return run

    def hooked(self, run: str) -> list[Signal]:
        """What the plugin has said of a run, and could not deliver."""
        assert self.airflow.spool is not None
        found: list[Signal] = []
        for path in self.airflow.spool.glob("*.json*"):
            with suppress(OSError, ValueError):  # a file that is just being written or claimed
                body: dict[str, Any] = json.loads(path.read_text())
                if body.get("run_id") == run and body["kind"] in TOLD:
                    found.append(parse(body, datetime.now(UTC)))
        return found

    def swept(self, run: str) -> Counter[Name]:
        return Counter(name(one) for one in self.told if one.run_id == run and one.source == "sweep")

    def rounds_until(self, ready: Callable[[], bool], what: Callable[[], object], seconds: float = 60) -> None:
        """As the bot does it, only more often."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, f"waited {seconds} s; there was {what()!r}"
            self.reconcile.run()
            time.sleep(0.5)


@pytest.fixture(params=[pytest.param("airflow_3", marks=[pytest.mark.airflow, pytest.mark.airflow3]),
                        pytest.param("airflow_2", marks=[pytest.mark.airflow, pytest.mark.airflow2])])  # fmt: skip
def beside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Beside]:
    with closing(Beside(request.getfixturevalue(request.param), tmp_path)) as made:
        yield made


def test_without_the_plugin_every_failure_is_found_once_under_the_name_a_hook_gives_it(beside: Beside) -> None:
    run = beside.run("silent_ends")
    beside.rounds_until(lambda: set(beside.swept(run)) >= ENDS, lambda: beside.swept(run))
    for _ in range(3):
        beside.reconcile.run()
    assert beside.swept(run) == Counter(ENDS)
    one = next(s for s in beside.told if s.run_id == run and s.task_id == "killed")
    assert (one.owner, one.tags, one.extra["callback"]) == ("ml", ("night",), "none received")
    assert one.hostname
    assert one.extra["evidence"][0].startswith("last heartbeat")
    mine = {s.identity for s in beside.told if s.run_id == run}
    wanted = ENDS - NEVER_HOOKED[beside.airflow.major]
    wait_until(lambda: {name(s) for s in beside.hooked(run)} >= wanted, lambda: beside.hooked(run), 60)
    assert {s.identity for s in beside.hooked(run)} <= mine


def test_what_the_hooks_told_is_not_told_again_and_every_failure_is_covered(beside: Beside) -> None:
    run = beside.run("silent_ends")
    wanted = ENDS - NEVER_HOOKED[beside.airflow.major]
    wait_until(lambda: {name(s) for s in beside.hooked(run)} >= wanted, lambda: beside.hooked(run), 60)
    beside.take(beside.hooked(run))
    began = datetime.now(UTC)
    beside.rounds_until(lambda: datetime.now(UTC) - began > timedelta(seconds=7), lambda: "a clock that stands")
    assert set(beside.swept(run)) == NEVER_HOOKED[beside.airflow.major]
    with beside.services.store.read() as t:
        covered = coverage.coverage(t, "test", began - timedelta(hours=1))
        subjects = [s for i in incidents.listed(t) for s in incidents.subjects_of(t, i.id)]
    assert covered.ratio == 1.0
    assert covered.told["hook"] >= len(wanted)
    assert [s.task_id for s in subjects if s.run_id == run].count("killed") == 1
    assert "killed_once" not in {s.task_id for s in subjects if s.run_id == run}


def test_the_api_says_the_same_where_there_is_no_metastore(beside: Beside) -> None:
    since = datetime.now(UTC)
    run = beside.run("silent_ends")
    airflow = beside.airflow
    with closing(connect(GatewayConfig("test", airflow.url, airflow.username, airflow.password))) as gateway:
        source = ApiSource(gateway)
        found = [one.signal for one in source.look(since).failures if one.signal.run_id == run]
        assert source.about({"silent_ends"}) == {"silent_ends": {"owner": "ml", "tags": ["night"]}}
    assert {name(s) for s in found} == {end for end in ENDS if end[0] != "task_retrying"}
    by_metastore = {one.signal.identity for one in beside.source.look(since).failures}
    assert {s.identity for s in found} <= by_metastore


def test_a_worker_that_dies_is_found_once_with_its_last_heartbeat(beside: Beside) -> None:
    run = beside.run("lost_worker")
    failed = ("task_failed", "train", -1, 1)
    beside.rounds_until(lambda: failed in beside.swept(run), lambda: beside.swept(run))
    one = next(s for s in beside.told if s.run_id == run and s.kind == "task_failed")
    beat, scheduler = one.extra["evidence"]
    assert beat.startswith("last heartbeat")
    assert scheduler.endswith("UTC: no heartbeat, set to failed")
    wait_until(lambda: failed in {name(s) for s in beside.hooked(run)}, lambda: beside.hooked(run), 60)
    beside.take(beside.hooked(run))  # here the scheduler or the DAG processor does tell, only later
    assert Counter(name(s) for s in beside.told if s.run_id == run)[failed] == 1


@pytest.mark.timeout(420)
def test_a_scheduler_that_dies_with_a_running_task_and_comes_back_gives_no_second_alert(beside: Beside) -> None:
    rest, scheduler = beside.airflow.rest, beside.airflow.components["scheduler"]
    run = rest.trigger("long_nap")
    wait_until(lambda: rest.task_states("long_nap", run).get("nap", ("", 0))[0] == "running", rest.health, 60)
    scheduler.kill()
    for pid in session(scheduler.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    beside.rounds_until(lambda: rest.health()["scheduler"]["status"] == "unhealthy", rest.health, 90)
    scheduler.start()
    beside.rounds_until(lambda: rest.run_state("long_nap", run) in ("success", "failed"),
                        lambda: rest.task_states("long_nap", run), 240)  # fmt: skip
    beside.take(beside.hooked(run))
    for _ in range(3):
        beside.reconcile.run()
    told = Counter(name(s) for s in beside.told if s.run_id == run and s.kind in TOLD)
    assert [one for one, times in told.items() if times > 1] == []
    assert ("task_retrying", "nap", -1, 1) in told or ("task_failed", "nap", -1, 1) in told
    with beside.services.store.read() as t:
        alerted = [i for i in incidents.listed(t) if i.exemplar.run_id == run]
    assert len(alerted) == (1 if rest.run_state("long_nap", run) == "failed" else 0)
