"""Runs a command that ends when its parent ends, even when the parent was killed outright.

``python die_with_parent.py SIGNAL PARENT_PID USER command…``; USER is a numeric uid to become, or ``-``. Standard
library only, and it becomes the command (exec), so the process id stays. The hard cases: the parent died before
we got here (then the command is not started at all), and a change of user, which undoes it (so it is
put on afterwards). Where the system has no parent-death signal (it is Linux's), the command simply runs.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the user, ask for the signal, look whether the parent lives, become the command."""
    signal, parent, user, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    if user != "-":
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        raise SystemExit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
