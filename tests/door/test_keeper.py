"""The keeper: whatever becomes of the door's process, it is said, and the door is opened again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.door import keeper as module
from bot.door.keeper import Given, Keeper, listening
from tests.scenarios.waiting import eventually

NOTHING = Given("no such folder/s.db", "", "no such folder/bot")


class Scripted(Keeper):
    """Its first door is another program; the second one is right."""

    lives = 0

    def first(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _opened(self) -> subprocess.Popen[bytes]:
        self.lives += 1
        return self.first() if self.lives == 1 else super()._opened()


def program(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize(("code", "why"), [
    ("print('nonsense', flush=True); input(); input()", "JSONDecodeError"),
    ("print('{}', flush=True); input(); input()", "KeyError"),
    ("raise SystemExit(7)", "it ended with 7"),
    ("", "it ended with 0"),
])  # fmt: skip
def test_a_door_that_is_none_is_closed_and_opened_again(
    code: str, why: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(Scripted, "first", lambda _: program(code))
    kept = Scripted(listening("127.0.0.1", 0), NOTHING, lambda _: None, lambda: 0)
    kept.start()
    eventually(lambda: kept.lives == 2 and not kept.trouble, lambda: (kept.lives, kept.trouble))
    assert why in caplog.text
    kept.stop()
    assert not kept.thread.is_alive()


def test_a_program_that_cannot_be_started_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Keeper) -> subprocess.Popen[bytes]:
        raise FileNotFoundError(2, "No such file", "python")

    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(Scripted, "first", missing)
    kept = Scripted(listening("127.0.0.1", 0), NOTHING, lambda _: None, lambda: 0)
    kept.start()
    eventually(lambda: kept.lives == 2 and not kept.trouble, lambda: (kept.lives, kept.trouble))
    kept.stop()


def test_a_name_is_listened_on_like_an_address() -> None:
    for host in ("127.0.0.1", "localhost"):
        listener = listening(host, 0)
        assert listener.getsockname()[1]
        listener.close()
