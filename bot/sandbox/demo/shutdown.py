"""How the demo ends: one demo per home, any signal ends it, and further signals don't interrupt the cleanup.

The lock is never a file that could be left behind.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Failed(Exception):
    """The demo can't continue; the sentence says why."""


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Allows one demo per home, because two would overwrite each other's files. The lock is on the folder, so no file
    is left behind."""
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as taken:
        raise Failed(f"A demo is already running in {home}; end it first (Ctrl-C in its window).") from taken
    finally:
        os.close(folder)


@contextmanager
def ending_by_signal() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo like Ctrl-C, even if the shell had set SIGINT to be ignored."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, _interrupt) for name in names}
    try:
        yield
    finally:
        for name, action in before.items():
            signal.signal(name, action)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def ignoring_signals() -> Iterator[None]:
    """Ignores signals, so that a second Ctrl-C doesn't stop the cleanup, which is limited in time anyway."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, action in before.items():
            signal.signal(name, action)
