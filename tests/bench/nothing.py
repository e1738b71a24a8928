"""A server that looks at nothing and keeps nothing: what the sender itself and the machine take of an answer's time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from bot.sandbox.processes.ports import free_port
from tests.bench.bot_process import answers, wait_until

_ANSWER = (
    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 29\r\n\r\n{"accepted":1,"duplicates":0}'
)


class _Nothing(asyncio.Protocol):
    """Answers whatever came at once; a request of the bench comes in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(_ANSWER)  # type: ignore[attr-defined]


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", port)
    await server.serve_forever()


@contextmanager
def nothing() -> Iterator[str]:
    """Its address."""
    port = free_port(0)
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.nothing", str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), 30, "the server that does nothing")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=15)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
