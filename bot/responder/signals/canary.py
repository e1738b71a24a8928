"""Sends a canary signal through the bot every few minutes, to detect a bot that looks alive but does nothing.

The canary is fresh, and the dead-man URL is called, only if the writer commits the signal and every loop has started a
round within `LOOP_PATIENCE`. The signal is stored like any other and opens no incident.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from bot.core.errors import Permanent, Temporary
from bot.core.signals.signal import Signal
from bot.responder.services import Services

logger = logging.getLogger(__name__)
STALE_AFTER = 3  # intervals
LOOP_PATIENCE = 60.0  # seconds; a round may wait for one slow call
DEAD_MAN_SECONDS = 5.0


@dataclass
class Canary:
    """`report` commits signals; `outside` raises Temporary or Permanent when Slack cannot be reached; `loops` names the
    loops that must keep going round."""

    services: Services
    report: Callable[[Sequence[Signal]], object]
    interval: timedelta
    loops: Sequence[str]
    outside: Callable[[], object] | None = None
    dead_man_url: str = ""
    fresh_at: float = field(init=False)  # by `services.monotonic`
    outside_trouble: str = ""

    def __post_init__(self) -> None:
        self.fresh_at = self.services.monotonic()

    def fly(self) -> bool:
        """Sends one canary. True when the whole path works, including Slack and the dead-man URL."""
        now = self.services.monotonic()
        try:
            self.report([_signal(self.services.clock())])
        except (Temporary, Permanent) as error:
            logger.warning("the canary was not committed: %s", error.message)
            return False
        hanging = [name for name in self.loops if now - self.services.rounds.get(name, self.fresh_at) > LOOP_PATIENCE]
        if hanging:
            logger.warning("the canary waits: %s did not go round", ", ".join(hanging))
            return False
        self.fresh_at = self.services.monotonic()
        return self._outside() and self._tell()

    def trouble(self) -> str:
        """What is wrong with the path inside the bot; empty when it works."""
        if self.age() <= self.interval.total_seconds() * STALE_AFTER:
            return ""
        return f"no canary came through for {self.age():.0f} s: signals may be kept and not shown"

    def age(self) -> float:
        """Seconds since a canary last came through."""
        return self.services.monotonic() - self.fresh_at

    def _outside(self) -> bool:
        try:
            if self.outside is not None:
                self.outside()
        except (Temporary, Permanent) as error:
            self.outside_trouble = error.message
            return False
        self.outside_trouble = ""
        return True

    def _tell(self) -> bool:
        if not self.dead_man_url:
            return True
        try:
            return httpx.get(self.dead_man_url, timeout=DEAD_MAN_SECONDS).is_success
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("the dead man's URL does not answer: %s", error)
            return False


def _signal(now: datetime) -> Signal:
    return Signal(
        kind="task_retrying", deployment="windsock", occurred_at=now, dag_id="canary", run_id=f"{now:%Y-%m-%dT%H:%M:%S.%f}",
        task_id="fly", try_number=0, source="canary",  # try 0, so that no route warns about it
    )  # fmt: skip
