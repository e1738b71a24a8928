"""One deployment, whichever version it runs: finds the major version at first use and follows an upgrade.

Hard case: the server that we remember as 2.x is 3.x since tonight, so that every address answers 404. That 404 is
told apart from "no such DAG", and the question is asked again after looking anew. Rule: connecting never talks to
the server; a deployment that is away raises `Temporary` when it is asked and harms no other one.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx

from bot.airflow import calls, links, login
from bot.airflow.airflow2.api import AirflowTwo
from bot.airflow.airflow3 import client
from bot.airflow.airflow3.api import AirflowThree
from bot.airflow.detection import detect
from bot.airflow.errors import Moved
from bot.core.airflow.protocol import (
    Airflow,
    Backfill,
    BackfillDate,
    Connection,
    ConnectionTest,
    Dag,
    Health,
    ImportFault,
    Job,
    Log,
    Pool,
    Run,
    Scope,
    TaskInstance,
    TaskNode,
    TaskRef,
    Variable,
)
from bot.core.errors import Permanent

Answer = TypeVar("Answer")
Backend = AirflowTwo | AirflowThree


@dataclass(frozen=True)
class GatewayConfig:
    """One deployment. `url` is the bare base (no `/api/…`); `timeout` is seconds to wait for an answer; `verify` may
    be the path of a CA bundle. A token beats a token command, which beats user and password."""

    name: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_command: str = field(default="", repr=False)
    ui_url: str = ""
    timeout: float = calls.READ_SECONDS
    verify: bool | str = True


def connect(config: GatewayConfig) -> Gateway:
    """The gateway of a deployment, an `Airflow` with `within` and `close`. Talks to nobody yet."""
    return Gateway(config)


_keeps_the_protocol: Callable[[GatewayConfig], Airflow] = connect  # mypy says when a verb is missing


def warm_up() -> threading.Thread:
    """Load the Airflow 3 client in the background: its import takes more than a second."""
    return client.load_in_background()


class Gateway:
    """`bot.core.airflow.protocol.Airflow`, by way of the version that the server runs."""

    def __init__(self, config: GatewayConfig) -> None:
        self.name = config.name
        self.ui_url = (config.ui_url or config.url).rstrip("/")
        self._config = config
        self.url = self._url = config.url.rstrip("/")
        self._calls = calls.Calls(config.name, timeout=config.timeout)
        self._http = httpx.Client(verify=_verification(config.verify), limits=httpx.Limits(max_connections=20))
        self._raw = client.RawClient(config.name, self._url, config.verify)
        self._found: Backend | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        return self._backend().version

    @property
    def major(self) -> int:
        return self._backend().major

    @property
    def can_address_map_index(self) -> bool:
        return self._backend().can_address_map_index

    @property
    def clear_stops_running(self) -> bool:
        return self._backend().clear_stops_running

    @property
    def has_backfill(self) -> bool:
        return self._backend().has_backfill

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """All calls in this block, in this thread, together take at most `seconds`."""
        return calls.within(seconds)

    def close(self) -> None:
        """Give the connections back. The gateway is of no use afterwards."""
        self._http.close()
        self._raw.close()

    def health(self) -> Health:
        return self._ask(lambda airflow: airflow.health())

    def jobs(self) -> list[Job]:
        return self._ask(lambda airflow: airflow.jobs())

    def dags(self, pattern: str = "", limit: int = 100) -> list[Dag]:
        return self._ask(lambda airflow: airflow.dags(pattern, limit))

    def dag(self, dag_id: str) -> Dag | None:
        return self._ask(lambda airflow: airflow.dag(dag_id))

    def task_ids(self, dag_id: str) -> list[str] | None:
        return self._ask(lambda airflow: airflow.task_ids(dag_id))

    def task_tree(self, dag_id: str) -> list[TaskNode] | None:
        return self._ask(lambda airflow: airflow.task_tree(dag_id))

    def runs(
        self,
        dag_id: str,
        states: Sequence[str] = (),
        limit: int = 25,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Run]:
        return self._ask(lambda airflow: airflow.runs(dag_id, states, limit, since=since, until=until))

    def run(self, dag_id: str, run_id: str) -> Run | None:
        return self._ask(lambda airflow: airflow.run(dag_id, run_id))

    def task_instances(
        self, dag_id: str, run_id: str, states: Sequence[str] = (), task_id: str | None = None
    ) -> list[TaskInstance]:
        return self._ask(lambda airflow: airflow.task_instances(dag_id, run_id, states, task_id))

    def task_instance(self, ref: TaskRef) -> TaskInstance | None:
        return self._ask(lambda airflow: airflow.task_instance(ref))

    def failed_since(self, moment: datetime) -> list[TaskInstance]:
        return self._ask(lambda airflow: airflow.failed_since(moment))

    def failed_runs_since(self, moment: datetime) -> list[Run]:
        return self._ask(lambda airflow: airflow.failed_runs_since(moment))

    def clear(self, scope: Scope, *, dry_run: bool, note: str = "") -> list[TaskInstance]:
        return self._ask(lambda airflow: airflow.clear(scope, dry_run=dry_run, note=note))

    def mark(self, ref: TaskRef, state: str, *, note: str = "") -> list[TaskInstance]:
        return self._ask(lambda airflow: airflow.mark(ref, state, note=note))

    def set_run_state(self, dag_id: str, run_id: str, state: str, *, note: str = "") -> Run:
        return self._ask(lambda airflow: airflow.set_run_state(dag_id, run_id, state, note=note))

    def set_note(self, ref: TaskRef, note: str) -> None:
        self._ask(lambda airflow: airflow.set_note(ref, note))

    def set_run_note(self, dag_id: str, run_id: str, note: str) -> None:
        self._ask(lambda airflow: airflow.set_run_note(dag_id, run_id, note))

    def pause(self, dag_id: str, paused: bool) -> Dag:
        return self._ask(lambda airflow: airflow.pause(dag_id, paused))

    def trigger(
        self,
        dag_id: str,
        run_id: str,
        conf: Mapping[str, Any],
        *,
        note: str = "",
        logical_date: datetime | None = None,
    ) -> Run:
        return self._ask(lambda airflow: airflow.trigger(dag_id, run_id, conf, note=note, logical_date=logical_date))

    def variable(self, key: str) -> Variable | None:
        return self._ask(lambda airflow: airflow.variable(key))

    def variables(self, pattern: str = "", limit: int = 50) -> list[str]:
        return self._ask(lambda airflow: airflow.variables(pattern, limit))

    def set_variable(self, key: str, value: str, description: str = "") -> Variable:
        return self._ask(lambda airflow: airflow.set_variable(key, value, description))

    def connection(self, conn_id: str) -> Connection | None:
        return self._ask(lambda airflow: airflow.connection(conn_id))

    def connections(self, limit: int = 100) -> list[Connection]:
        return self._ask(lambda airflow: airflow.connections(limit))

    def test_connection(self, conn_id: str) -> ConnectionTest:
        return self._ask(lambda airflow: airflow.test_connection(conn_id))

    def backfill_dates(self, dag_id: str, start: datetime, end: datetime, *, rerun: str) -> list[BackfillDate]:
        return self._ask(lambda airflow: airflow.backfill_dates(dag_id, start, end, rerun=rerun))

    def backfill(
        self, dag_id: str, start: datetime, end: datetime, *, rerun: str, max_active_runs: int | None = None
    ) -> Backfill:
        return self._ask(
            lambda airflow: airflow.backfill(dag_id, start, end, rerun=rerun, max_active_runs=max_active_runs)
        )

    def backfill_state(self, backfill_id: int) -> Backfill | None:
        return self._ask(lambda airflow: airflow.backfill_state(backfill_id))

    def cancel_backfill(self, backfill_id: int) -> Backfill:
        return self._ask(lambda airflow: airflow.cancel_backfill(backfill_id))

    def import_errors(self) -> list[ImportFault]:
        return self._ask(lambda airflow: airflow.import_errors())

    def pools(self) -> list[Pool]:
        return self._ask(lambda airflow: airflow.pools())

    def log(self, ref: TaskRef, try_number: int) -> Log:
        return self._ask(lambda airflow: airflow.log(ref, try_number))

    def run_url(self, dag_id: str, run_id: str) -> str:
        return links.run(self.ui_url, self._known_major, dag_id, run_id)

    def task_url(self, ref: TaskRef, try_number: int | None = None) -> str:
        return links.task(self.ui_url, self._known_major, ref, try_number)

    @property
    def _known_major(self) -> int | None:
        found = self._found
        return None if found is None else found.major

    def _ask(self, verb: Callable[[Backend], Answer]) -> Answer:
        """Ask; once more after an upgrade was noticed (an address that does not exist has changed nothing)."""
        asked = self._backend()
        try:
            return verb(asked)
        except Moved:
            self._forget(asked)
        try:
            return verb(self._backend())
        except Moved:
            raise Permanent(f"Airflow ({self.name}) does not offer this", "404") from None

    def _backend(self) -> Backend:
        found = self._found
        if found is not None:
            return found
        with self._lock:  # one thread looks, the others wait for what it finds
            if self._found is None:
                self._found = self._look()
            return self._found

    def _forget(self, asked: Backend) -> None:
        with self._lock:
            if self._found is asked:
                self._found = None

    def _look(self) -> Backend:
        version = detect(self._calls, self._http, self._url)
        if version.startswith("2."):
            return AirflowTwo(self.name, version, self._calls, self._login(jwt=False), self._http, self._url)
        return AirflowThree(self.name, version, self._calls, self._login(jwt=True), self._raw)

    def _login(self, *, jwt: bool) -> calls.Login:
        config = self._config
        fetch = login.jwt_fetcher(self._http, self._url, config.username, config.password) if jwt else None
        return login.choose(
            username=config.username,
            password=config.password,
            token=config.token,
            token_command=config.token_command,
            jwt=fetch,
        )


def _verification(verify: bool | str) -> bool | ssl.SSLContext:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
