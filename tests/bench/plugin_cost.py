"""What the plugin costs inside a real Airflow: import, a call that is delivered, a call that is handed over.

Runs the Airflow environment's own Python in a subprocess (a new one for each import, CPU time because wall time depends
on the neighbours) and prints one line of JSON, in milliseconds. The peer is the Slack provider's notifier; its figures
are measured in the same way where that provider is installed.

    python -m tests.bench.plugin_cost PATH/TO/AIRFLOW/bin/python [ROUNDS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

PLUGIN = Path(__file__).resolve().parents[2] / "bot" / "plugin"

# What is loaded before the plugin in any process that loads plugins.
_IMPORT = """
import json, os, sys, time
import airflow
from airflow.plugins_manager import AirflowPlugin
{warm}
modules, start, wall = len(sys.modules), time.process_time(), time.perf_counter()
try:
    {statement}
    found = True
except ImportError:
    found = False
print(json.dumps({{"found": found, "cpu": (time.process_time() - start) * 1000,
                   "wall": (time.perf_counter() - wall) * 1000, "modules": len(sys.modules) - modules}}))
"""
_WARM = "import http.client, queue, socket, atexit, hashlib, urllib.parse, traceback, airflow.models"

_CALL = """
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
class Door(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["WINDSOCK_URL"] = f"http://127.0.0.1:{server.server_port}"
import windsock_airflow as plugin
def task(number):
    return SimpleNamespace(dag_id="d", run_id="r", task_id=f"t{number}", map_index=-1, try_number=1, max_tries=0,
                           state="failed", task=None)
def deep(levels):
    return deep(levels - 1) if levels else 1 / 0
try:
    deep(10)
except ZeroDivisionError as caught:
    error = caught
listener, walls = plugin.WindsockListener(), []
def timed(call):
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000
sent = [timed(lambda: listener.on_task_instance_failed("running", task(number), error)) for number in range(200)]
quiet = [timed(lambda: listener.on_task_instance_success("running", task(number))) for number in range(200)]
run = SimpleNamespace(dag_id="d", run_id="r", state="success")
handed = [timed(lambda: listener.on_dag_run_success(run, "")) for number in range(500)]
plugin._process.courier.flush(5)
print(
    json.dumps({"first": sent[0], "sent": sorted(sent)[100], "success": sorted(quiet)[100], "handed": sorted(handed)[250]}),
    flush=True,
)
os._exit(0)
"""


def measure(python: Path, rounds: int = 5) -> dict[str, Any]:
    """Milliseconds, medians of `rounds` new processes: CPU to import the plugin on a bare `import airflow` and on what
    every Airflow process has loaded, the peer's import, and the cost of a call (delivered, handed over, not sent)."""
    plugin = "import windsock_airflow"
    peer = "from airflow.providers.slack.notifications.slack import SlackNotifier"
    return {
        "import": _imports(python, plugin, _WARM, rounds),
        "import_bare": _imports(python, plugin, "", rounds),
        "peer_import": _imports(python, peer, _WARM, rounds),
        "call_ms": {name: round(value, 3) for name, value in _run(python, _CALL).items()},
    }


def _imports(python: Path, statement: str, warm: str, rounds: int) -> dict[str, Any] | None:
    _run(python, _IMPORT.format(statement=statement, warm=warm))  # compiles the bytecode
    seen = [_run(python, _IMPORT.format(statement=statement, warm=warm)) for _ in range(rounds)]
    if not seen[0]["found"]:
        return None
    return {"cpu_ms": round(median(one["cpu"] for one in seen), 2), "wall_ms": round(median(one["wall"] for one in seen), 2),
            "modules": seen[0]["modules"]}  # fmt: skip


def _run(python: Path, code: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AIRFLOW", "WINDSOCK"))}
    compiled = Path(tempfile.gettempdir()) / "windsock-bench-pyc"
    with tempfile.TemporaryDirectory() as home:
        own = {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONWARNINGS": "ignore"}
        env = {**kept, **own, "PYTHONPATH": str(PLUGIN), "PYTHONPYCACHEPREFIX": str(compiled)}
        done = subprocess.run(
            [str(python), "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)))  # noqa: T201
