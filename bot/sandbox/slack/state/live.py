"""Notifies all watchers of a change: the page by server-sent events, a waiting test by a condition.

A slow watcher's queue is limited; if it overflows, the watcher is asked to reload everything. Every change of the
workspace happens in one turn of the event loop, so no lock is needed and no change is seen half done.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

QUEUE = 500
BEAT = 15.0


class Live:
    def __init__(self) -> None:
        self.watchers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.changed = asyncio.Event()

    def tell(self, kind: str, **facts: Any) -> None:
        """Announces a change; `facts` are JSON."""
        self.changed.set()
        self.changed = asyncio.Event()
        for queue in self.watchers:
            if queue.full():
                queue.get_nowait()
                queue.put_nowait({"kind": "all"})
            else:
                queue.put_nowait({"kind": kind, **facts})

    def end(self) -> None:
        """Ends every stream, so that the server can stop."""
        for queue in self.watchers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Waits for the condition, checking it after each change; False if it is not met in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not condition():
            left = end - loop.time()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except TimeoutError:
                return condition()
        return True

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events, one for each change, and a comment every 15 seconds so that a closed page is noticed."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(QUEUE)
        self.watchers.add(queue)
        try:
            yield "retry: 1000\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), BEAT)
                    if event is None:
                        return
                    yield f"data: {json.dumps(event)}\n\n"
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self.watchers.discard(queue)
