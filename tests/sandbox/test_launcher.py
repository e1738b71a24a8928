"""The launcher: a real Airflow comes up whole, fails as designed, and ends without a trace."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.sandbox.airflow.launcher import AirflowStack, install_dags
from bot.sandbox.airflow.settings import settings
from bot.sandbox.demo import demo, shutdown
from bot.sandbox.processes.children import Child, wait_for
from bot.sandbox.processes.ports import free_port, free_ports
from bot.sandbox.processes.reaper import session
from tests.stacks import RunningAirflow

FAILS = {
    "sales_daily": {"load": ("failed", 1), "publish": ("upstream_failed", 0)},
    "orders_hourly": {"fetch_orders": ("failed", 3)},
    "customers_import": {"import_region[3]": ("failed", 1), "import_region[4]": ("success", 1)},
    "risk_report": {"compute_exposure": ("failed", 1)},
    "model_training": {"train": ("failed", 1)},
    "mart_build": {"stage_sources": ("failed", 1), "refresh_dashboards": ("upstream_failed", 0)},
    **{dag: {"read_warehouse": ("failed", 1)} for dag in demo.WAREHOUSE},
}
SUCCEEDS = {"currency_rates": {"fetch_rates": ("success", 2)}, "newsletter_weekly": {"send": ("success", 1)}}


def python(code: str, log: Path, **more: object) -> Child:
    return Child("it", [sys.executable, "-c", code], log, **more)  # type: ignore[arg-type]


def test_stop_ends_the_grandchildren_too(tmp_path: Path) -> None:
    """Also those that made a process group of their own and do not listen to the polite signal."""
    deaf = "import signal, os, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setpgid(0, 0); time.sleep(60)"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {deaf!r}]); time.sleep(60)"
    child = python(code, tmp_path / "log")
    child.start()
    assert wait_for(lambda: len(session(child.pid)) == 2, 30), session(child.pid)
    child.stop(grace=0.5)
    assert session(child.pid, dead_too=True) == []
    assert not child.died, "it was asked to end"


def test_a_child_that_ends_by_itself_is_noticed_with_its_words(tmp_path: Path) -> None:
    child = python("print('first', flush=True); raise SystemExit('no luck')", tmp_path / "log")
    child.start()
    assert wait_for(lambda: child.died, 30)
    assert (child.exit_code, child.tail(1)) == (1, "no luck")
    child.stop()


def test_a_killed_launcher_leaves_nobody(tmp_path: Path) -> None:
    """Neither the child that dies with its parent nor the grandchild that has not been told."""
    pids = tmp_path / "pids"
    inner = f"import os; open({str(pids)!r}, 'w').write(str(os.getpid())); import time; time.sleep(300)"
    inner = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {inner}"
    code = "from pathlib import Path; from bot.sandbox.processes.children import Child; import os, sys, time\n"
    code += f"c = Child('it', [sys.executable, '-c', {inner!r}], Path({str(tmp_path / 'log')!r})); c.start()\n"
    code += f"while not os.path.exists({str(pids)!r}) or not open({str(pids)!r}).read(): time.sleep(0.05)\n"
    code += "os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -signal.SIGKILL
    leader = int(pids.read_text())
    assert wait_for(lambda: session(leader) == [], 20), session(leader)


def test_a_taken_port_is_not_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_no_port_is_given_twice() -> None:
    """Also when one has to give way to where the next wanted to be."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port(20000)))
        taken.listen()
        port = taken.getsockname()[1]
        assert len({port, *free_ports(port, port + 1, port + 2)}) == 4


def test_a_port_just_left_counts_as_free() -> None:
    """A second demo keeps its addresses although connections of the first are in TIME_WAIT."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    assert free_port(port) == port


@pytest.mark.parametrize("version", ["3.3.2", "2.11.2"])
def test_the_callers_environment_does_not_leak_in(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW_HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "WINDSOCK_URL")
    for name in stray:
        monkeypatch.setenv(name, "stray")
    env = settings(version, tmp_path, tmp_path / "dags", 8080, "postgresql+psycopg2://x@127.0.0.1:1/a", {})
    assert [name for name, value in env.items() if value == "stray"] == []
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


def test_the_broken_dag_comes_only_on_purpose(tmp_path: Path) -> None:
    assert not (install_dags(tmp_path / "dags") / "campaign_attribution.py").exists()
    assert (install_dags(tmp_path / "dags", broken=True) / "campaign_attribution.py").exists()


def test_one_demo_a_home(tmp_path: Path) -> None:
    with shutdown.only_one(tmp_path):
        with pytest.raises(shutdown.Failed, match="already running"), shutdown.only_one(tmp_path):
            pass
        assert list(tmp_path.iterdir()) == [], "the lock is no file"
    with shutdown.only_one(tmp_path):
        pass


@pytest.mark.airflow
def test_a_stack_that_does_not_come_up_says_why_and_ends(tmp_path: Path) -> None:
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    stack = AirflowStack("3.3.2", tmp_path / "home", install_dags(tmp_path / "dags"), database_url=nowhere)
    with pytest.raises(RuntimeError, match="airflow db migrate failed"):
        stack.start()
    assert not stack.is_migrated
    assert [child.running for child in stack.components.values()] == [False] * 3


class _Designed:
    """The demo DAGs do on this major what they were written to do."""

    def test_they_fail_and_succeed_as_designed(self, airflow: RunningAirflow) -> None:
        designed = {**FAILS, **SUCCEEDS}
        airflow.rest.wait_for_dags(*designed)
        runs = {dag: airflow.rest.trigger(dag) for dag in designed}
        ends = {dag: airflow.rest.wait_for_end(dag, run, 200) for dag, run in runs.items()}
        assert ends == {dag: "failed" if dag in FAILS else "success" for dag in designed}
        seen = {dag: airflow.rest.task_states(dag, run) for dag, run in runs.items()}
        assert {dag: {task: seen[dag].get(task) for task in tasks} for dag, tasks in designed.items()} == designed

    def test_a_cleared_task_turns_green(self, airflow: RunningAirflow) -> None:
        run = airflow.rest.trigger("sales_daily")
        assert airflow.rest.wait_for_end("sales_daily", run) == "failed"
        airflow.rest.clear("sales_daily", run)
        green = wait_for(lambda: airflow.rest.run_state("sales_daily", run) == "success", 60)
        assert green, airflow.rest.task_states("sales_daily", run)
        assert airflow.rest.task_state("sales_daily", run, "load") == ("success", 2)

    def test_the_broken_file_is_an_import_error(self, airflow: RunningAirflow) -> None:
        errors = wait_for(airflow.rest.import_errors, 60)
        assert ["campaign_toolkit" in error["stack_trace"] for error in errors] == [True]

    def test_a_killed_scheduler_is_noticed_and_can_be_started_again(self, airflow: RunningAirflow) -> None:
        assert airflow.stack is not None, "needs a stack of our own"
        scheduler = airflow.components["scheduler"]
        os.kill(scheduler.pid, signal.SIGKILL)
        assert wait_for(airflow.stack.dead, 10) == ["scheduler"]
        scheduler.stop()
        scheduler.start()
        run = airflow.rest.trigger("newsletter_weekly")
        assert airflow.rest.wait_for_end("newsletter_weekly", run) == "success"


class TestAirflow3(_Designed):
    @pytest.fixture
    def airflow(self, airflow_3: RunningAirflow) -> RunningAirflow:
        return airflow_3


class TestAirflow2(_Designed):
    @pytest.fixture
    def airflow(self, airflow_2: RunningAirflow) -> RunningAirflow:
        return airflow_2
