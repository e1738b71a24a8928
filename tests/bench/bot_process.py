"""A bot in a process of its own, as in production, beside a local Slack in this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bot.sandbox.processes.ports import free_port


def wait_until(well: object, seconds: float, what: str) -> float:
    """Polls until `well()` is true; the seconds it took. Raises TimeoutError that says what did not come."""
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        if well():  # type: ignore[operator]
            return time.perf_counter() - begun
        time.sleep(0.005)
    raise TimeoutError(f"{what} did not come within {seconds} s")


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextmanager
def bot(folder: Path, *words: str, **settings: str) -> Iterator[str]:
    """The bot's address; `settings` are WINDSOCK_ variables without their prefix, `words` what python is told to run."""
    port = int(settings.get("SERVER__PORT") or free_port(0))
    config = folder / "windsock.toml"
    config.write_text('[access]\noperator = ["*"]\n')
    own = {"CONFIG": str(config), "STORE__URL": f"sqlite:///{folder / 'windsock.db'}", "SERVER__PORT": str(port)}
    env = {name: value for name, value in os.environ.items() if not name.startswith("WINDSOCK_")}
    env |= {f"WINDSOCK_{name}": value for name, value in (own | settings).items()}
    with (folder / "bot.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *(words or ("-m", "bot", "serve"))], env=env, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(f"{url}/readyz"), 60, "the bot")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)
