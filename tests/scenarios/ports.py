"""A port that is nobody else's for as long as a room stands, also before the bot listens there and while it is dead.

Rule: it is bound here and never listened to; whoever listens may bind it too (SO_REUSEADDR), and nobody is given it by chance.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port(wanted: int = 0) -> Iterator[int]:
    """`wanted`, or a free one of 127.0.0.1. As long as nobody listens, it refuses like any port."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", wanted))
        yield int(keeper.getsockname()[1])
