"""Fixtures with real neighbours: an embedded PostgreSQL, a running Airflow 3 and 2.

A test that asks for `airflow_3` or `airflow_2` is marked `airflow` and `airflow3` or `airflow2` by itself (one that
comes by them through `request.getfixturevalue` is to be marked by hand). A stack lives as long as its pytest, so
run them without xdist: ``pytest -m airflow3``, ``pytest -m airflow2``, as `tests.everything` does.
The plugin inside Airflow reports to the stack's `signal_port`, where nobody listens until a test does (token
`SIGNAL_TOKEN`, deployment ``test``); meanwhile it keeps its signals in `spool`.

For quick local work, WINDSOCK_TEST_AIRFLOW_3=http://… (or …_2) takes an Airflow that already runs (admin/admin),
and WINDSOCK_TEST_AIRFLOW_3_METASTORE its database; such a stack has no `components`.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox import postgres as embedded
from bot.sandbox.airflow.launcher import AirflowStack, install_dags
from bot.sandbox.airflow.rest import AirflowRest
from bot.sandbox.processes.children import Child
from bot.sandbox.processes.ports import free_port
from bot.sandbox.provision import environment, provision

SIGNAL_TOKEN = "test-signal-token"
VERSIONS = {3: "3.3.2", 2: "2.11.2"}


@dataclass
class RunningAirflow:
    """What a test may know of a real Airflow. `rest` asks and orders; `components` may be killed and started."""

    url: str
    major: int
    metastore_url: str
    rest: AirflowRest
    signal_port: int = 0
    spool: Path | None = None
    stack: AirflowStack | None = None
    username: str = "admin"
    password: str = "admin"
    components: dict[str, Child] = field(default_factory=dict)


def pytest_configure(config: pytest.Config) -> None:
    """The two marks that are set by what a test asks for."""
    for major, version in VERSIONS.items():
        config.addinivalue_line("markers", f"airflow{major}: needs the running Airflow {version}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real Airflow, and give it time for the cold start."""
    for item in items:
        for major in VERSIONS:
            if f"airflow_{major}" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.airflow)
                item.add_marker(f"airflow{major}")
        if item.get_closest_marker("airflow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.Postgres]:
    """A real PostgreSQL, one a worker; its folder is removed at the end."""
    with embedded.running() as server:
        yield server


@pytest.fixture
def database(postgres: embedded.Postgres) -> Iterator[str]:
    """The SQLAlchemy address of an empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def airflow_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """A running Airflow 3.3.2 with the demo DAGs on PostgreSQL."""
    yield from _running(3, tmp_path_factory.mktemp("airflow3"))


@pytest.fixture(scope="session")
def airflow_2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """A running Airflow 2.11.2 with the demo DAGs on PostgreSQL."""
    yield from _running(2, tmp_path_factory.mktemp("airflow2"))


def _running(major: int, home: Path) -> Iterator[RunningAirflow]:
    if url := os.environ.get(f"WINDSOCK_TEST_AIRFLOW_{major}"):
        metastore = os.environ.get(f"WINDSOCK_TEST_AIRFLOW_{major}_METASTORE", "")
        rest = AirflowRest(url, major)
        yield RunningAirflow(url, major, metastore, rest)
        rest.close()
        return
    provision(environment(f"airflow-{VERSIONS[major]}"), print)
    # A server of its own: the stack must not end because another test was done with the shared one.
    with embedded.running() as server:
        yield from _started(major, home, server.create_database("airflow"))
    shutil.rmtree(home, ignore_errors=True)


def _started(major: int, home: Path, metastore: str) -> Iterator[RunningAirflow]:
    port, spool = free_port(), home / "spool"
    plugin = {
        "WINDSOCK_URL": f"http://127.0.0.1:{port}",
        "WINDSOCK_TOKEN": SIGNAL_TOKEN,
        "WINDSOCK_DEPLOYMENT": "test",
        "WINDSOCK_SPOOL": str(spool),
    }
    dags = install_dags(home / "dags", broken=True)
    stack = AirflowStack(VERSIONS[major], home / "airflow", dags, database_url=metastore, plugin_env=plugin)
    with stack:
        yield RunningAirflow(
            stack.url,
            major,
            metastore,
            stack.rest,
            port,
            spool,
            stack,
            components=stack.components,
        )
