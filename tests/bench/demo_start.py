"""From `make demo` until the first alert is in Slack, in seconds: the first time here, and warm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.bench.bot_process import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 400.0


def measure(folder: Path) -> dict[str, object]:
    """Two starts; both are ended as Ctrl-C ends them."""
    return {"first_s": round(_start(folder / "first"), 1), "warm_s": round(_start(folder / "warm"), 1)}


def _start(output: Path) -> float:
    begun = time.perf_counter()
    with output.open("w") as out, output.with_suffix(".log").open("w") as log:
        words = [sys.executable, "-m", "bot", "demo", "--headless", "--json"]
        demo = subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=log, env=os.environ, start_new_session=True)
        try:
            wait_until(lambda: output.read_text().strip() or demo.poll() is not None, PATIENCE, "the demo")
            slack = json.loads(output.read_text())["slack"]
            wait_until(lambda: _alerts(slack), PATIENCE, "the first alert")
            return time.perf_counter() - begun
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(timeout=60)


def _alerts(slack: str) -> int:
    found = httpx.get(f"{slack}/_sandbox/messages", params={"channel": "data-alerts"}, timeout=10).json()["messages"]
    return sum("failed" in message["text"] for message in found)
