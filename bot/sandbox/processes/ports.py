"""Finds TCP ports on the loopback interface.

If the preferred port is taken, the next free one is used. Several ports are held until all are found, so none is given
twice. A port in TIME_WAIT counts as free, otherwise a second demo would move to other ports each time.
"""

import socket
from contextlib import ExitStack


def free_port(preferred: int = 0) -> int:
    """`preferred` if nothing listens there, otherwise another free port of 127.0.0.1."""
    return free_ports(preferred)[0]


def free_ports(*preferred: int) -> list[int]:
    """One free port for each preferred one, all different; an earlier one takes precedence."""
    with ExitStack() as held:
        return [_hold(port, held) for port in preferred]


def _hold(preferred: int, held: ExitStack) -> int:
    for port in (*range(preferred, preferred + 20), 0) if preferred else (0,):
        probe = held.enter_context(socket.socket())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            continue
        return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
