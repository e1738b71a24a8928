"""From the writer's thread back to whoever waits in the event loop.

Hard case: one commit answers dozens of requests. To wake the loop costs a system call, so it is woken once for all of them.
Rule: the writer never waits for the loop, and goes on when the loop is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from bot.core.errors import Permanent, Temporary
from bot.responder.intake import Receipt

Result = Receipt | Temporary | Permanent
Answer = Callable[[Result], None]


class Replies:
    """The replies on their way into one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: deque[tuple[Answer, Result]] = deque()
        self._called = False

    def post(self, answer: Answer, result: Result) -> None:
        """From any thread; `answer` is called in the loop."""
        self._waiting.append((answer, result))
        if not self._called:
            self._called = True
            with contextlib.suppress(RuntimeError):  # the server has ended and nobody waits
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._called = False  # before the last look: what is posted behind it calls again
        try:
            while self._waiting:
                answer, result = self._waiting.popleft()
                answer(result)
        finally:
            if self._waiting:  # one of them stumbled; the others must not wait for it
                self.loop.call_soon(self._deliver)
