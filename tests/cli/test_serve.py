"""`serve` as a program: it says what it cannot do, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from bot.app.windsock import Windsock
from bot.config.settings import Settings
from bot.store import incidents
from bot.store.database import Store
from bot.store.signals import signals
from tests.given import failure
from tests.scenarios.ports import kept_port
from tests.scenarios.waiting import eventually


def started(folder: Path, port: int) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("WINDSOCK_")}
    env |= {"WINDSOCK_STORE__URL": f"sqlite:///{folder / 's.db'}", "WINDSOCK_SERVER__PORT": str(port),
            "TMPDIR": str(folder)}  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "bot", "serve"], env=env, stderr=subprocess.PIPE, text=True)


def test_a_port_that_somebody_has_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(tmp_path, port)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert said.startswith(f"WINDSOCK_SERVER__PORT: 127.0.0.1:{port} cannot be listened on: Address already in use")


def test_a_second_bot_on_one_sqlite_is_refused_by_name(tmp_path: Path) -> None:
    first = Store(f"sqlite:///{tmp_path / 's.db'}")
    first.hold()
    try:
        with kept_port() as port:
            process = started(tmp_path, port)
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 2
        assert said.splitlines()[-1].startswith(f"WINDSOCK_STORE__URL: another bot is running on {tmp_path / 's.db'}")
    finally:
        first.close()
    Store(f"sqlite:///{tmp_path / 's.db'}").hold()  # at its end the file is free


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left_running_or_lying_about(tmp_path: Path, number: int) -> None:
    with kept_port() as port:
        process = started(tmp_path, port)

        def is_up() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == 200
            except httpx.TransportError:
                return False

        eventually(is_up, process.poll, 60)
        process.send_signal(number)
        process.communicate(timeout=60)  # until the last of them has closed its standard error
        assert process.returncode in {0, -signal.SIGTERM, -signal.SIGKILL}
        assert not list(tmp_path.glob("windsock-*"))
        Store(f"sqlite:///{tmp_path / 's.db'}").hold()  # whoever comes next has the store
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=3)


def test_a_store_whose_signals_were_lost_observes_what_comes_from_then_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ids are given anew, and the mark of what was observed is far ahead of them."""
    windsock = Windsock(Settings(store={"url": f"sqlite:///{tmp_path / 's.db'}"}))
    windsock.services.store.migrate()
    with windsock.services.store.write() as t:
        signals.set_observed(t, 50)
    windsock.start()
    try:
        windsock.report([failure()])
        with windsock.services.store.read() as t:
            assert len(incidents.listed(t)) == 1
    finally:
        windsock.stop()
    assert "signals of this store were lost" in caplog.text
