"""Starts, watches and ends the sandbox's processes, each with its log file.

If the launcher is killed, each child dies with it, and a reaper ends the rest. Linux ties a parent's death to the
thread that forked, so all children are started by one thread that lives as long as the process. Airflow's tasks create
process groups of their own, so the whole session is ended. Where process 1 reaps no orphans, they would stay as
zombies, so this process adopts and reaps them. After `stop` returns, no process of the session is left.
"""

import atexit
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from bot.sandbox.processes.reaper import session

T = TypeVar("T")

_PR_SET_CHILD_SUBREAPER = 36
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")
_DIE_WITH_PARENT = str(Path(__file__).with_name("die_with_parent.py"))
_REAPER = str(Path(__file__).with_name("reaper.py"))


class Child:
    """One process in a session of its own. `user` is a numeric uid to run as (possible only as root)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        polite: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name, self.log = name, log
        self._command = [str(word) for word in command]
        self._env, self._cwd, self._user, self._polite = env, cwd, user, polite
        self._process: subprocess.Popen[bytes] | None = None
        self._asked_to_end = False

    def start(self) -> None:
        """Starts it (again); its output goes to the log, which is emptied first."""
        self._asked_to_end = False
        adopt_orphans()
        self._process = _STARTER.submit(self._popen).result()
        note(f"+{self.pid}")

    def _popen(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        user = "-" if self._user is None else str(self._user)
        tied = [sys.executable, "-I", "-S", _DIE_WITH_PARENT, str(int(self._polite)), str(os.getpid()), user]
        with self.log.open("wb") as words:
            return subprocess.Popen(
                [*tied, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=subprocess.STDOUT,
                env=dict(self._env) if self._env is not None else None,
                cwd=self._cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also its session's; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def died(self) -> bool:
        """Whether it ended without being asked to."""
        return self._process is not None and not self.running and not self._asked_to_end

    @property
    def exit_code(self) -> int | None:
        """The exit code as in `subprocess`; None while it runs."""
        return self._process.poll() if self._process else None

    def ask_to_end(self) -> None:
        """Sends the polite signal and returns at once; `stop` then waits for the end.

        Only the leader gets it, because a leader whose workers were ended separately can wait forever for one of their
        locks.
        """
        self._asked_to_end = True
        if self.running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, self._polite)

    def stop(self, grace: float = 5.0) -> None:
        """Asks, waits at most `grace` seconds, then kills what is left of the session."""
        if self._process is None:
            return
        self.ask_to_end()
        wait_for(lambda: not self.running and not session(self.pid), grace, every=0.05)
        if wait_for(self._is_swept, 5, every=0.02):
            note(f"-{self.pid}")

    def _is_swept(self) -> bool:
        """Kills and reaps what is left; True if there was nothing."""
        left = session(self.pid, dead_too=True)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                if pid != self.pid:
                    os.waitpid(pid, os.WNOHANG)
        return not self.running and not left

    def kill(self) -> None:
        """Ends it like a crash: no signal handler runs, grandchildren stay. For tests."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@functools.cache
def reaper(_: int) -> subprocess.Popen[str]:
    """The reaper of this process (the argument is its id, because a forked process must not share it)."""
    command = [sys.executable, "-I", "-S", _REAPER]
    hired = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1, start_new_session=True)
    atexit.register(hired.communicate)
    return hired


def note(line: str) -> None:
    """Reports a started or ended session to the reaper."""
    book = reaper(os.getpid()).stdin
    with suppress(BrokenPipeError, ValueError):  # it has ended or is closed: this process is ending
        if book:
            book.write(f"{line}\n")


def adopt_orphans() -> None:
    """Makes orphaned descendants children of this process instead of process 1 (Linux only)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stop_all(children: Sequence[Child], grace: float = 5.0) -> None:
    """Asks all of them at once, then waits for each; the last started is asked first."""
    for child in reversed(children):
        child.ask_to_end()
    for child in reversed(children):
        child.stop(grace)


def wait_for(look: Callable[[], T], seconds: float, every: float = 0.2) -> T:
    """Calls `look` until the result is truthy or the time is over; returns the last result."""
    end = time.monotonic() + seconds
    while not (answer := look()) and time.monotonic() < end:
        time.sleep(every)
    return answer
