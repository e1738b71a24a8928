"""How the demo ends: once a home, by any signal, and not to be hurried while it tidies up.

The hard case: Ctrl-C pressed again and again. The rule: a lock is never a file that could be left behind.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Failed(Exception):
    """The demo cannot go on; the sentence says why."""


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Two demos in one home would pull the rug from under each other. The lock is the folder's: no file is left."""
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
    """SIGTERM and SIGHUP end the demo as Ctrl-C does, also where a shell had Ctrl-C ignored."""
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
    """An impatient second Ctrl-C must not stop the tidying up; it is bounded in time anyway."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, action in before.items():
            signal.signal(name, action)
