"""What a sweep finds in metastores of both majors, and what it tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.checks.catalog import ALL
from bot.checks.catalog.dag_files import IMPORT_ERRORS, read_trace, short_path
from bot.checks.catalog.scheduler import SCHEDULER_HEARTBEAT
from bot.checks.catalog.tasks import STALE_HEARTBEATS
from bot.checks.check import Snapshot, age, moment
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Result, Sweep, sick_now, signals
from bot.core.errors import Permanent, Temporary
from bot.core.signals.signal import Signal
from bot.core.signals.wire import as_json, parse
from tests.checks.worlds import STACKTRACE, Memory, World

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@pytest.fixture(
    params=[("sqlite", 2), ("sqlite", 3), ("postgresql", 2), ("postgresql", 3)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind, major = request.param
    url = f"sqlite:///{tmp_path}/air flow.db" if kind == "sqlite" else request.getfixturevalue("database")
    made = World(url, major)
    yield made
    made.close()


@pytest.fixture
def metastore(world: World) -> Iterator[Metastore]:
    made = Metastore(world.url)
    yield made
    made.close()


class Services:
    """A sweep with a memory and what it told."""

    def __init__(self, metastore: Metastore) -> None:
        self.told: list[Signal] = []
        self.memory = Memory()
        self.metastore = metastore

    def sweep(self, *names: str) -> tuple[list[Result], list[Signal]]:
        """A new sweep each time: only the memory survives, as after a restart."""
        self.told.clear()
        sweep = Sweep(ALL, self.metastore, "prod", self.told.extend, self.memory)
        results = sweep.run(names or None)
        for signal in self.told:
            assert parse(as_json(signal), datetime.now(UTC)) == signal  # the bot takes every one of them
        return results, list(self.told)


@pytest.fixture
def services(metastore: Metastore) -> Services:
    return Services(metastore)


def test_the_major_version_is_told_by_the_columns(world: World, metastore: Metastore) -> None:
    assert metastore.major == world.major


def test_a_well_airflow_gives_no_finding(world: World, services: Services) -> None:
    world.job("SchedulerJob", 3)
    world.running_task("fit", 10)
    results, told = services.sweep()
    assert [(result.findings, result.error) for result in results] == [((), None)] * len(ALL)
    assert told == []


@pytest.mark.parametrize(("silent", "severity"), [(45, "warning"), (94, "critical")])
def test_a_silent_scheduler_is_found_with_the_others_as_evidence(
    silent: int, severity: str, world: World, services: Services
) -> None:
    world.job("SchedulerJob", 7000, 1)  # killed long ago, its row still says running
    world.job("SchedulerJob", silent, 2)
    world.job("TriggererJob", 4, 3)
    world.job("DagProcessorJob", 200_000, 4)  # not used here any more
    (result, *_), told = services.sweep("scheduler-heartbeat")
    (finding,) = result.findings
    assert (finding.subject, finding.severity) == ("scheduler", severity)
    assert finding.sentence.startswith("The scheduler is silent: last heartbeat ")
    assert "✗ scheduler" in finding.sentence
    assert "✓ triggerer" in finding.sentence
    assert "DAG processor" not in finding.sentence
    assert [(s.kind, s.check, s.name, s.severity) for s in told] == [
        ("check_failed", "scheduler-heartbeat", "scheduler", severity)
    ]


def test_a_scheduler_that_never_was_is_silent(services: Services) -> None:
    (result, *_), _ = services.sweep("scheduler-heartbeat")
    assert "there never was a heartbeat" in result.findings[0].sentence


def test_a_scheduler_that_beats_again_is_told_well_after_a_restart_of_ours(world: World, services: Services) -> None:
    world.job("SchedulerJob", 100, 1)
    services.sweep()
    world.job("SchedulerJob", 1, 2)
    _, told = services.sweep()
    assert [(s.kind, s.check, s.name) for s in told] == [("check_ok", "scheduler-heartbeat", "scheduler")]
    assert told[0].sentence.startswith("The scheduler beats again after ")
    assert services.sweep()[1] == []


def test_a_broken_file_is_told_under_the_name_that_the_plugin_uses_and_mended(world: World, services: Services) -> None:
    world.job("SchedulerJob", 1)
    world.broken_file("finance/ledger.py" if world.major == 3 else "/opt/airflow/dags/finance/ledger.py")
    _, told = services.sweep()
    (signal,) = told
    assert (signal.kind, signal.file, signal.source) == ("import_error", "finance/ledger.py", "sweep")
    assert signal.exception.type == "ImportError"
    assert signal.extra["facts"]["line"] == 7
    assert signal.extra["facts"]["code"] == "from finance.rates import fx_rate"
    assert signal.sentence.startswith("finance/ledger.py does not import (line 7): ImportError: cannot")
    world.do("delete from import_error")
    _, told = services.sweep()
    assert [(s.kind, s.file) for s in told] == [("import_fixed", "finance/ledger.py")]


def test_a_task_without_a_heartbeat_is_found_with_its_host(world: World, services: Services) -> None:
    world.job("SchedulerJob", 1)
    world.running_task("fit", 400)
    world.running_task("mapped", 900, map_index=6)
    world.running_task("never", None)
    world.running_task("fine", 100)
    world.running_task("young", None, started=20)
    _, told = services.sweep()
    assert sorted(signal.name for signal in told) == [
        "features_train.fit@manual__1",
        "features_train.mapped[6]@manual__1",
        "features_train.never@manual__1",
    ]
    fit = next(signal for signal in told if signal.task_id == "fit")
    assert fit.sentence == "features_train.fit runs without a heartbeat for 6 min 40 s (limit 5 min) on worker-3."
    assert (fit.dag_id, fit.run_id, fit.try_number, fit.hostname) == (
        "features_train",
        "manual__1",
        1,
        "worker-3",
    )
    assert fit.runbook == "zombie-tasks"
    world.do("update task_instance set state = 'failed'")
    _, told = services.sweep()
    assert [signal.kind for signal in told] == ["check_ok"] * 3


def test_a_check_that_fails_stops_no_other_and_says_nothing_well(world: World, services: Services) -> None:
    world.job("SchedulerJob", 100)
    world.broken_file("x.py")
    services.sweep()
    world.do("drop table job")
    results, told = services.sweep()  # knows the major already, so only what needs the table fails
    failed = {result.check.name for result in results if result.error is not None}
    assert failed == {"scheduler-heartbeat"} | ({"stale-heartbeats"} if world.major == 2 else set())
    assert [signal.kind for signal in told] == ["import_error"]


def test_a_task_that_no_worker_takes_is_found_and_forgotten(world: World, services: Services) -> None:
    world.job("SchedulerJob", 1)
    world.queued_task("fit", 900)
    world.queued_task("quick", 30)
    _, told = services.sweep("stuck-queued")
    assert [(s.kind, s.check, s.task_id, s.queue) for s in told] == [("check_failed", "stuck-queued", "fit", "gpu")]
    assert "is queued for 15 min (limit 10 min) and no worker takes it: queue gpu" in told[0].sentence
    world.do("update task_instance set state = 'running'")
    _, told = services.sweep("stuck-queued")
    assert [(s.kind, s.name) for s in told] == [("check_ok", "features_train.fit@manual__1")]


def test_nothing_can_be_written(world: World, metastore: Metastore) -> None:
    with pytest.raises((Temporary, Permanent)):
        metastore.rows("delete from job returning id")


def test_an_unknown_check_is_named(services: Services) -> None:
    with pytest.raises(Permanent, match="no check called moon-phase; there are scheduler-heartbeat"):
        services.sweep("moon-phase")


def test_a_metastore_that_is_not_there_is_an_error_in_each_result(tmp_path: Path) -> None:
    for url in ("postgresql+psycopg2://nobody@127.0.0.1:1/airflow", f"sqlite:///{tmp_path}/none.db"):
        metastore = Metastore(url, seconds=2)
        results, told = Services(metastore).sweep()
        assert [result.error.split(":")[0] for result in results if result.error] == [
            "The metastore did not answer"
        ] * len(ALL)
        assert told == []
        metastore.close()


def test_a_slow_question_is_given_up(database: str) -> None:
    World(database, 3).close()
    metastore = Metastore(database, seconds=0.2)
    with pytest.raises(Temporary, match="statement timeout"):
        metastore.rows("select pg_sleep(20)")
    assert metastore.snapshot().major == 3
    metastore.close()


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "nodialect://x/y"])
def test_an_address_that_cannot_be_used_is_permanent(url: str) -> None:
    with pytest.raises(Permanent):
        Metastore(url)


def test_a_database_that_is_no_metastore_is_said_so(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/x.db", 3)
    world.do("drop table import_error")
    metastore = Metastore(world.url)
    with pytest.raises(Permanent, match="isn't an Airflow metastore"):
        _ = metastore.major
    metastore.close()
    world.close()


def result(*subjects: str, error: str | None = None, severity: str = "error") -> Result:
    findings = [STALE_HEARTBEATS.finding(
        {"dag_id": "d", "label": name, "run_id": "r", "silent": "6 min", "limit": "5 min", "host": "h"}, severity
    ) for name in subjects]  # fmt: skip
    return Result(STALE_HEARTBEATS, "prod", tuple(findings), 0.1, error)


def test_signals_are_a_pure_function_of_before_and_now() -> None:
    before = sick_now(result("a", "b"), {}, NOW)
    told = signals(result("b", "c"), before, NOW + timedelta(minutes=10))
    assert [(s.kind, s.name) for s in told] == [
        ("check_failed", "d.b@r"),
        ("check_failed", "d.c@r"),
        ("check_ok", "d.a@r"),
    ]
    assert told[2].extra["lasted"] == 600
    assert told == signals(result("b", "c"), before, NOW + timedelta(minutes=10))


def test_since_when_it_is_sick_stays() -> None:
    before = sick_now(result("a"), {}, NOW)
    assert sick_now(result("a"), before, NOW + timedelta(hours=1)) == before


def test_an_error_says_nothing_about_anything() -> None:
    assert signals(result(error="no answer"), sick_now(result("a"), {}, NOW), NOW) == []


def test_thresholds_are_a_field() -> None:
    rows = [{"job_type": "SchedulerJob", "heartbeat": NOW - timedelta(seconds=94)}]
    assert SCHEDULER_HEARTBEAT.findings(rows, Snapshot(NOW, 3)) != []
    assert replace(SCHEDULER_HEARTBEAT, threshold=120).findings(rows, Snapshot(NOW, 3)) == []


def test_a_subject_is_told_once_even_if_two_rows_share_it() -> None:
    assert len(signals(result("a", "a"), {}, NOW)) == 1


def test_times_of_all_databases_are_understood() -> None:
    assert moment("2026-11-22 05:00:00.5") == NOW + timedelta(milliseconds=500)
    assert moment(NOW.replace(tzinfo=None)) == NOW
    assert moment(None) is None
    assert age(NOW + timedelta(seconds=9), NOW) == 0.0


def test_a_trace_gives_the_line_in_the_file_itself() -> None:
    deep = (
        STACKTRACE.format(path="/opt/dags/a.py")
        + '  File "/opt/lib/other.py", line 99, in f\n    1/0\nZeroDivisionError: x'
    )
    assert read_trace(deep, "/opt/dags/a.py")["line"] == 7
    assert read_trace(deep, "a.py")["line"] == 7
    assert read_trace(deep, "b.py")["line"] is None
    assert read_trace("", "b.py")["said"] == ""


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("/opt/airflow/dags/finance/ledger.py", "finance/ledger.py"),
        ("finance/ledger.py", "finance/ledger.py"),
        ("dags/finance/ledger.py", "finance/ledger.py"),
        ("C:\\airflow\\dags\\x.py", "x.py"),
        ("/var/airflow/dag_bundles/main/versions/0f3c/etl/x.py", "etl/x.py"),
        ("/home/etl/x.py", "/home/etl/x.py"),
        ("/dags/", "/dags/"),
    ],
)
def test_short_paths(path: str, short: str) -> None:
    assert short_path(path) == short


def test_every_check_has_its_runbook_and_its_two_sentences() -> None:
    runbooks = {path.stem for path in (Path(__file__).parents[2] / "runbooks").glob("*.md")}
    for check in ALL:
        assert check.runbook in runbooks
        assert check.sick
        assert "{lasted}" in check.well
        assert set(check.sql) == {2, 3}
    assert IMPORT_ERRORS in ALL
