"""Airflow ends a task at any moment: the signal is delivered or on disk then, and the interrupt goes on its way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.plugin import windsock_airflow as plugin
from tests.plugin.conftest import ClassicTask, RuntimeTask, waiting_files
from tests.plugin.receiver import Receiver

LISTENER = plugin.WindsockListener()


class AirflowTaskTerminated(BaseException):
    """As Airflow's own."""


# A task process that is interrupted at many moments of the hook, while the bot takes its time to answer.
MOMENTS = """
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from bot.plugin import windsock_airflow as plugin

class Interrupt(BaseException): pass
taken = set()
class Door(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(0.004)
        taken.update(one["run_id"] for one in body.get("signals", [body]))
        self.send_response(202); self.end_headers()
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["WINDSOCK_URL"] = f"http://127.0.0.1:{server.server_port}"
def interrupt(*_): raise Interrupt
signal.signal(signal.SIGALRM, interrupt)
config, armed = plugin._config, 0
def first_of_the_hook():
    global armed
    wait, armed = armed, 0
    if wait:
        signal.setitimer(signal.ITIMER_REAL, wait)
    return config()
plugin._config = first_of_the_hook
listener, through, whole, lost = plugin.WindsockListener(), 0, 0, []
for number in range(int(sys.argv[1])):
    plugin._forget()
    run_id = f"run{number}"
    ti = SimpleNamespace(dag_id="d", run_id=run_id, task_id="t", map_index=-1, try_number=1, state="failed", task=None)
    error = ValueError("row is bad " + "x" * 2000)
    armed = 0.00002 + number * 0.00004
    try:
        try:
            listener.on_task_instance_failed("running", ti, error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        whole += 1
    except Interrupt:
        through += 1
    spooled = any(run_id in open(os.path.join(os.environ["WINDSOCK_SPOOL"], name)).read() for name in
                  (os.listdir(os.environ["WINDSOCK_SPOOL"]) if os.path.isdir(os.environ["WINDSOCK_SPOOL"]) else ()))
    if not spooled and run_id not in taken:
        time.sleep(0.02)
        if run_id not in taken:
            lost.append(number)
print(json.dumps({"through": through, "whole": whole, "lost": lost}))
"""


def test_a_signal_survives_an_interrupt_at_any_moment(spool: Path, tmp_path: Path) -> None:
    script = tmp_path / "moments.py"
    script.write_text(MOMENTS)
    env = {"WINDSOCK_SPOOL": str(spool), "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, str(script), "300"], check=False, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["through"] + said["whole"] == 300
    assert said["through"] >= 50, f"the moments miss the hook: {said}"
    assert said["lost"] == [], said


@pytest.mark.parametrize("interrupt", [AirflowTaskTerminated, SystemExit, KeyboardInterrupt])
def test_an_interrupt_while_it_waits_for_the_bot(
    interrupt: type[BaseException], spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(*_: object) -> None:
        raise interrupt

    monkeypatch.setattr(plugin, "_post", post)
    with pytest.raises(interrupt):
        LISTENER.on_task_instance_failed("running", ClassicTask(), ValueError("row is bad"))
    (kept,) = waiting_files(spool)
    assert json.loads(kept.read_text())["exception"]["message"] == "row is bad"


def test_what_was_interrupted_is_not_taken_for_told(
    receiver: Receiver, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(*_: object) -> None:
        raise AirflowTaskTerminated

    with monkeypatch.context() as once:
        once.setattr(plugin, "_post", post)
        with pytest.raises(AirflowTaskTerminated):
            LISTENER.on_task_instance_failed("running", ClassicTask(), ValueError("row is bad"))
    LISTENER.on_task_instance_failed("running", ClassicTask(task_id="other"), ValueError("row is bad"))
    assert {one["task_id"] for one in receiver.wait_for(2)} == {"load", "other"}, "the spool was sent behind it"
    assert waiting_files(spool) == []


class Leaves(Exception):
    """A task's own exception that ends the process when it is shown."""

    def __str__(self) -> str:
        raise SystemExit(3)


def test_an_exception_that_ends_the_process_when_it_is_shown_is_reported(receiver: Receiver, spool: Path) -> None:
    LISTENER.on_task_instance_failed("running", ClassicTask(), Leaves())
    told: list[dict[str, Any]] = receiver.signals or [json.loads(path.read_text()) for path in waiting_files(spool)]
    assert "cannot be shown" in told[0]["exception"]["message"]
    assert told[0]["exception"]["type"].endswith("Leaves")


class Gone(RuntimeTask):
    """A task instance with a property that ends the process."""

    @property
    def log_url(self) -> str:
        raise SystemExit(3)


def test_an_attribute_that_ends_the_process_when_it_is_read_is_left_out(receiver: Receiver, spool: Path) -> None:
    LISTENER.on_task_instance_failed("running", Gone(), ValueError("row is bad"))
    told: list[dict[str, Any]] = receiver.signals or [json.loads(path.read_text()) for path in waiting_files(spool)]
    assert told[0]["exception"]["message"] == "row is bad"
