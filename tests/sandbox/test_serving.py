"""As processes the local Slack and the local PagerDuty say where they are, end at a signal, and do not outlive their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.sandbox.slack.waiting import eventually
from tests.sandbox.slack.wire import HTTP

ROOT = Path(__file__).parents[2]
SERVERS = ("bot.sandbox.slack", "bot.sandbox.pagerduty")
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", sys.argv[1], "--port", "0", "--json", "--die-with-parent"])
print(child.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", request.param, "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_at_a_signal(server: subprocess.Popen[str], word: signal.Signals) -> None:
    assert server.stdout is not None
    url = json.loads(server.stdout.readline())["url"]
    assert HTTP.get(url).status_code == 200
    assert HTTP.get(f"{url}/page/app.js").status_code == 200
    os.kill(server.pid, word)
    assert server.wait(5) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's word to a child is Linux's")
@pytest.mark.parametrize("name", SERVERS)
def test_it_does_not_outlive_its_parent(name: str) -> None:
    command = [sys.executable, "-c", PARENT, name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        child = int(parent.stderr.readline())
        json.loads(parent.stdout.readline())
        parent.kill()
        eventually(lambda: not is_alive(child), lambda: f"process {child} lives on")


def is_alive(pid: int) -> bool:
    """A process that has ended and that nobody has asked about yet is dead all the same."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
