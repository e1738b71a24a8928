"""How many signals a second are committed and answered, from 32 clients that send as fast as they are answered, and how long
an answer takes; beside Debian's Alertmanager, which keeps nothing, and alerta on PostgreSQL, which keeps all, in one run. The
sender is wrk, which costs next to nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx

from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.server import running
from tests.bench.alerta import alerta
from tests.bench.bot_process import bot
from tests.bench.storm import alertmanager

CLIENTS, SECONDS, ROUNDS = 32, 4, 3
_HEAD = """
local n, causes = 0, {"connection refused", "timeout", "disk full", "no route"}
request = function()
  n = n + 1
  local cause = causes[n % 4 + 1]
"""
_TAIL = """
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"}, body)
end
"""
_SIGNAL = """
  local body = string.format('{"v":1,"kind":"task_failed","deployment":"bench","occurred_at":"2026-11-22T05:00:00Z",' ..
    '"dag_id":"dag_%d","run_id":"r%d","task_id":"t%d","try_number":1,"exception":{"type":"psycopg.OperationalError",' ..
    '"message":"%s to 10.0.%d.1 port %d","traceback":"  File \\\\"dag.py\\\\", line 3, in load\\\\n"}}',
    n % 500, os.time(), n, cause, n % 256, n)
"""
_ALERT = """
  local body = string.format('[{"labels":{"alertname":"TaskFailed","cause":"%s","dag":"dag_%d","task":"t%d"}}]',
    cause, n % 500, n)
"""
_ALERTA = """
  local body = string.format('{"resource":"dag_%d.t%d","event":"TaskFailed","environment":"Production","severity":"major",' ..
    '"service":["bench"],"group":"%s","text":"%s to 10.0.%d.1 port %d"}', n % 500, n, cause, cause, n % 256, n)
"""


def measure(folder: Path) -> dict[str, object]:
    """Rounds of both, one after the other; every signal is a failure of its own, of four causes and 500 DAGs."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return {"missing": "install the Debian package wrk"}
    rounds: list[dict[str, Any]] = []
    for number in range(ROUNDS):
        place = folder / str(number)
        place.mkdir()
        with bot(place) as url:
            ours = _load(wrk, place / "signal.lua", _SIGNAL, f"{url}/v1/signals")
            shown = httpx.get(f"{url}/v1/incidents", timeout=60).json()["incidents"]
        kept = sum(one["counts"]["failures"] for one in shown)
        with running(Config()) as slack, alertmanager(place, slack) as peer:
            theirs = _load(wrk, place / "alert.lua", _ALERT, f"{peer}/api/v2/alerts") if peer else {}
        ratio = {"of_theirs": round(ours["per_second"] / theirs["per_second"], 2)} if theirs else {}
        rounds.append({"bot": ours | {"observed": kept}, "alertmanager": theirs} | ratio)
    with alerta(folder) as url:
        durable = _load(
            wrk, folder / "alerta.lua", _ALERTA, f"{url}/alert", strict=False
        )  # its first requests may deadlock
    worst = min(one["bot"]["per_second"] for one in rounds)
    return {
        "clients": CLIENTS,
        "rounds": rounds,
        "alerta": durable | {"ours_times": round(worst / durable["per_second"])},
    }


def _load(wrk: str, script: Path, body: str, url: str, *, strict: bool = True) -> dict[str, float]:
    script.write_text(_HEAD + body + _TAIL)
    words = [wrk, "-t1", f"-c{CLIENTS}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    assert not strict or "Non-2xx" not in said, said
    found = {name: re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", said) for name in ("50", "99")}
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate, said
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    taken = {f"p{name}_ms": round(float(one[1]) * unit[one[2]], 2) for name, one in found.items() if one}
    return {"per_second": round(float(rate[1]))} | taken
