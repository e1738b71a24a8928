"""Runs a command that ends when its parent ends, even if the parent was killed.

``python die_with_parent.py SIGNAL PARENT_PID USER command…``; USER is a numeric uid to become, or ``-``. It uses the
standard library only and becomes the command (exec), so the process id stays. If the parent died before, the command is
not started. A change of user clears the parent-death signal, so the signal is set afterwards. On systems without a
parent-death signal (only Linux has it), the command just runs.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Becomes the user, sets the signal, checks that the parent is alive, becomes the command."""
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
