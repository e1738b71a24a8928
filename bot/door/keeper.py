"""Keeps the door: starts its process, hears what it took, starts it again when it dies.

Hard cases: the door dies (the port stays open here, so senders wait in line and are refused by nobody); the bot that was
killed a moment ago (its door lets go of the port within moments; it is waited for). Rule: the door outlives nothing but its
last answers, and nothing secret is on a command line.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

logger = logging.getLogger(__name__)
AGAIN_SECONDS = 0.5
END_SECONDS = 8.0


@retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.05), stop=stop_after_delay(3), reraise=True)
def listening(host: str, port: int) -> socket.socket:
    """The port of the bot. Raises OSError when somebody else has it."""
    # with the protocol named, asyncio turns Nagle's algorithm off; without, each answer waits 40 ms
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


@dataclass(frozen=True)
class Given:
    """What the door is given: where signals are stored, the senders' token, the path on which the bot listens."""

    inbox: str
    token: str
    bot: str


class Keeper:
    """`stored` is told up to which id signals are stored, `observed` says how far they have been observed."""

    def __init__(
        self, listener: socket.socket, given: Given, stored: Callable[[int], object], observed: Callable[[], int]
    ) -> None:
        self._listener, self._given = listener, given
        self._stored, self._observed = stored, observed
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._before = {"accepted": 0, "duplicates": 0}  # by doors that died
        self._now = dict(self._before)
        self.trouble = "the door is being opened"
        self.thread = threading.Thread(target=self._run, name="door", daemon=True)

    @property
    def counted(self) -> dict[str, int]:
        """How many signals were taken at the door."""
        return {name: self._before[name] + number for name, number in self._now.items()}

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        """Whoever is half-way is answered; then nobody listens any more."""
        self._stopping.set()
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        if self.thread.ident is not None:
            self.thread.join(END_SECONDS)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._listener.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                why = self._keep()
            except (OSError, ValueError, LookupError) as error:
                why = f"{type(error).__name__}: {error}"
            for name, number in self._now.items():
                self._before[name] += number
            self._now = dict.fromkeys(self._now, 0)
            if not self._stopping.is_set():
                self.trouble = f"the door was closed and is opened again: {why}"
                logger.error("%s", self.trouble)
                self._stopping.wait(AGAIN_SECONDS)

    def _keep(self) -> str:
        """One life of the door; how it ended."""
        with self._opened() as self._process:
            try:
                if not self._stopping.is_set():
                    self._hear(self._process)
            finally:
                if not self._stopping.is_set():
                    self._process.kill()  # it has ended, or does not speak as a door does
        return f"it ended with {self._process.returncode}"

    def _opened(self) -> subprocess.Popen[bytes]:
        number = self._listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.door"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[number]
        )
        _say(
            process,
            {"listener": number, "inbox": self._given.inbox, "token": self._given.token, "bot": self._given.bot},
        )
        return process

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            said = json.loads(line)
            self.trouble = ""
            self._now = {name: said[name] for name in self._now}
            self._stored(said["stored"])
            _say(process, {"observed": self._observed()})


def _say(process: subprocess.Popen[bytes], word: dict[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with suppress(OSError, ValueError):  # it has ended, or we end it: the end of its words says so
        os.write(process.stdin.fileno(), json.dumps(word).encode() + b"\n")
