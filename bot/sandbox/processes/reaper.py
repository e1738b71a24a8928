"""Ends the remaining sessions of a launcher that was killed and could not end them itself.

``python reaper.py`` reads ``+SESSION`` and ``-SESSION`` lines from its standard input; the end of the input is the
launcher's end. A scheduler that was asked to end waits minutes for tasks that can't reach their API any more; after a
grace period they are all killed. A session that was signed off is never touched.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE = 5.0


def session(leader: int, dead_too: bool = False) -> list[int]:
    """The session's living processes (`dead_too`: also its zombies); empty on systems without /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = entry.read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == leader and (dead_too or fields[0] not in (b"Z", b"X")):
                found.append(int(entry.parent.name))
    return found


def main() -> None:
    """Reads the list until the input ends, then ends the sessions on it."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    bury(read_book(), GRACE)


def read_book() -> set[int]:
    """The sessions that were signed on and not off, at the end of the input."""
    book: set[int] = set()
    for line in sys.stdin:
        (book.add if line.startswith("+") else book.discard)(int(line[1:]))
    return book


def bury(book: set[int], grace: float) -> None:
    """Waits until all of them are gone, and kills those that are left after `grace` seconds."""
    end = time.monotonic() + grace
    while (left := [pid for leader in book for pid in session(leader)]) and time.monotonic() < end + 5:
        for pid in left if time.monotonic() > end else ():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
