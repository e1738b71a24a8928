"""Returns the writer's results to the event loop, which is woken once per commit instead of once per sender."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from bot.core.errors import Permanent, Temporary
from bot.responder.signals.intake import Receipt

Result = Receipt | Temporary | Permanent


class Answers:
    """`give` is called in the writer's thread; the futures belong to event loops of other threads."""

    def __init__(self) -> None:
        self._given: deque[tuple[asyncio.Future[Result], Result]] = deque()
        self._woken: asyncio.AbstractEventLoop | None = None

    def give(self, done: asyncio.Future[Result], result: Result) -> None:
        """Sets the result of this future, in its own event loop."""
        self._given.append((done, result))
        loop = done.get_loop()
        if self._woken is not loop:
            self._woken = loop
            with contextlib.suppress(RuntimeError):  # the server has ended, and nothing waits for the answer
                loop.call_soon_threadsafe(self._hand_over, loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        self._woken = None
        for _ in range(len(self._given)):
            done, result = self._given.popleft()
            if done.get_loop() is not loop:
                self.give(done, result)
            elif not done.done():  # the sender may have disconnected
                done.set_result(result)
