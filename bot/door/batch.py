"""Group commit: whatever came in one turn of the loop is one transaction, and is answered behind it.

Hard cases: a commit that fails (nobody of it was taken, and each hears so; where one of them may be at fault, each is tried by
itself); a bot that is far behind (refused with a time to come back, before the disk is full of it). Rule: there is one
thread here. While it waits for the disk, the next batch gathers in the kernel, and no second thread competes with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from bot.core.errors import Permanent, Temporary
from bot.store.letters import Letter

logger = logging.getLogger(__name__)
UNOBSERVED = 200_000  # signals that may be stored and not observed yet
Outcome = bool | Temporary | Permanent  # whether it was news, or why it was not taken
Answer = Callable[[Outcome], None]


class Takes(Protocol):
    """Where a batch is stored: `bot.store.inbox.Inbox`."""

    def take(self, told: Sequence[Letter]) -> tuple[list[bool], int]: ...


class Batch:
    """`submit` answers behind the commit. `stored` and the counts are what the bot is told; `observed` is what it tells."""

    def __init__(self, inbox: Takes, changed: Callable[[], None]) -> None:
        self._inbox, self._changed = inbox, changed
        self._waiting: list[tuple[Letter, Answer]] = []
        self.stored = self.accepted = self.duplicates = 0
        self.observed: int | None = None

    def submit(self, told: Letter, answer: Answer) -> None:
        if self.observed is not None and self.stored - self.observed > UNOBSERVED:
            behind = Temporary("the observer is behind; send this again in a while", retry_after=10)
            asyncio.get_running_loop().call_soon(answer, behind)
            self._changed()  # whoever is told this tells how far it is
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._commit)
        self._waiting.append((told, answer))

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        outcomes = self._outcomes([told for told, _ in batch])
        self._changed()
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            answer(outcome)

    def _outcomes(self, told: Sequence[Letter]) -> list[Outcome]:
        """Of one transaction; where one of them may be at fault, of each by itself."""
        try:
            news, self.stored = self._inbox.take(told)
        except Temporary as error:
            return [error] * len(told)
        except Exception as error:  # the door outlives it, and the others must not wait for the one
            if len(told) > 1:
                logger.warning("a batch of %d signals is taken one by one: %s", len(told), error)
                return [outcome for one in told for outcome in self._outcomes([one])]
            if isinstance(error, Permanent):
                return [error]
            logger.exception("a signal could not be taken")
            return [Temporary("the bot stumbled over this signal; it is in its log", retry_after=60)]
        self.accepted += sum(news)
        self.duplicates += len(news) - sum(news)
        return [*news]
