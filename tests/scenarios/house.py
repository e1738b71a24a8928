"""A house: a room beside a real Airflow, and the road between the two, which can be closed.

Hard case: what other tests left in the same Airflow (failed runs, spooled signals) must not become alerts here; it is removed
before the bot is there. Rule: what Airflow did is read from Airflow, never from the bot.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bot.sandbox.processes import serving
from tests.scenarios.room import Room, a_room
from tests.scenarios.seen import Answer, Message, Row
from tests.scenarios.waiting import eventually
from tests.stacks import RunningAirflow

AIRFLOW_PATIENCE = 120.0  # seconds; a real Airflow on a busy machine


class Road:
    """A TCP proxy that can be closed: then nobody listens, and who was connected is cut off."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        self._there = (there.hostname or "127.0.0.1", there.port or 80)
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening: ExitStack | None = None
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        if self._listening is None:
            self._listening = ExitStack()
            listener, _ = self._listening.enter_context(serving.bound("127.0.0.1", self._port))
            self._listening.callback(listener.shutdown, socket.SHUT_RDWR)
            self._port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        with self._lock:
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                threading.Thread(target=self._carry, args=(here,), daemon=True).start()

    def _carry(self, here: socket.socket) -> None:
        with here, suppress(OSError), socket.create_connection(self._there, timeout=10) as there:
            there.settimeout(None)
            with self._lock:
                self._ends |= {here, there}
            back = threading.Thread(target=_pump, args=(there, here), daemon=True)
            back.start()
            _pump(here, there)
            back.join()
            with self._lock:
                self._ends -= {here, there}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@dataclass
class House:
    """The room, the Airflow, the road between them, and the run that was started of each DAG."""

    room: Room
    airflow: RunningAirflow
    road: Road
    runs: dict[str, str]

    def alert(self, *words: str) -> Message:
        """The alert, which comes by way of the plugin."""
        return self.room.expect(*words, seconds=AIRFLOW_PATIENCE)

    def states(self, dag: str) -> dict[str, tuple[str | None, int]]:
        """`{"load": ("failed", 1)}`, as Airflow says."""
        return self.airflow.rest.task_states(dag, self.runs[dag])

    def until(self, dag: str, task: str, state: str, tries: int) -> None:
        """Waits until Airflow says so."""
        eventually(lambda: self.states(dag).get(task) == (state, tries), lambda: self.states(dag), AIRFLOW_PATIENCE)

    def ended(self, dag: str) -> str:
        return self.airflow.rest.wait_for_end(dag, self.runs[dag], AIRFLOW_PATIENCE)

    def set_state(self, dag: str, task: str, state: str) -> None:
        """Somebody changes a task instance in Airflow itself."""
        path = f"dags/{dag}/dagRuns/{quote(self.runs[dag], safe='')}/taskInstances/{task}"
        more = {"dry_run": False} if self.airflow.major == 2 else {}
        self.airflow.rest.call("PATCH", path, json={"new_state": state, **more})

    def note(self, dag: str, task: str) -> str:
        found = self.airflow.rest.task_instances(dag, self.runs[dag])
        return next(str(one["note"] or "") for one in found if one["task_id"] == task)

    def run_of(self, dag: str, prefix: str) -> list[Row]:
        """The runs of a DAG whose id begins so."""
        found = self.airflow.rest.call("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]
        return [run for run in found if run["dag_run_id"].startswith(prefix)]


@contextmanager
def a_house(airflow: RunningAirflow, folder: Path, dags: Sequence[str], **settings: str) -> Iterator[House]:
    """The bot beside this Airflow, and one run of each of these DAGs; `settings` are further ones of the bot."""
    airflow.rest.wait_for_dags(*dags)
    _tidy(airflow, dags)
    road = Road(airflow.url)
    known = {"URL": road.url, "USERNAME": airflow.username, "PASSWORD": airflow.password, "UI_URL": airflow.url,
             "METASTORE_URL": airflow.metastore_url}  # fmt: skip
    more = settings | {f"AIRFLOW__TEST__{name}": value for name, value in known.items()}
    try:
        with a_room(folder, port=airflow.signal_port, **more) as room:
            runs = {dag: airflow.rest.trigger(dag) for dag in dags}
            yield House(room, airflow, road, runs)
    finally:
        road.close()


def _tidy(airflow: RunningAirflow, dags: Sequence[str]) -> None:
    for dag in dags:
        for run in airflow.rest.call("GET", f"dags/{dag}/dagRuns", params={"limit": 100})["dag_runs"]:
            airflow.rest.call("DELETE", f"dags/{dag}/dagRuns/{quote(run['dag_run_id'], safe='')}")
    for spooled in airflow.spool.glob("**/*") if airflow.spool else ():
        if spooled.is_file():
            spooled.unlink(missing_ok=True)


def listed(preview: Message) -> dict[str, tuple[str, str]]:
    """`{"load": ("failed", "runs again")}`: what a preview says that it would touch."""
    found: dict[str, tuple[str, str]] = {}
    for line in preview.words.split("\n"):
        before, arrow, after = line.partition("→")
        if arrow:
            name, state = before[1:].split()
            found[name] = (state, after.strip())
    return found


def asked(deed: Callable[[], Answer], *words: str) -> Message:
    """The preview that a press or a command brings. A person whose Airflow is away or too busy is told so, and asks again."""

    def ask() -> Message | None:
        answer = deed()
        said = Message(answer.eyes, eventually(answer.fresh, lambda: answer.outcome)[-1]["ts"])
        return None if "Nothing was changed" in said.words and "Airflow (test)" in said.words else said

    preview = eventually(ask, lambda: f"no preview with {words}", 60)
    assert preview is not None
    assert all(word in preview.words for word in words), preview.words
    return preview


def confirm(preview: Message, user: str = "ana") -> Any:
    """Press the button that names the deed and the count."""
    label = next(label for label in preview.labels if label.startswith("Confirm: "))
    return preview.press(label, user=user)
