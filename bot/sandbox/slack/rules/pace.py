"""Rate limits: one post a second per channel with a small burst, tiers for everything else.

A refused call must not make the wait longer, or a retrying bot would never get through: a token is taken only if the
call is allowed. The wait is in whole seconds, as in Retry-After.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from bot.sandbox.slack.rules.config import Limits


@dataclass
class Bucket:
    """A token bucket: `size` calls at once, then `rate` a second."""

    size: float
    rate: float
    filled: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.filled = self.size

    def take(self) -> float:
        """Zero if the call is allowed, otherwise the seconds until the next one would be."""
        now = time.monotonic()
        self.filled = min(self.size, self.filled + (now - self.at) * self.rate)
        self.at = now
        if self.filled < 1:
            return (1 - self.filled) / self.rate
        self.filled -= 1
        return 0.0


class Pace:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.buckets: dict[str, Bucket] = {}

    def wait_for_post(self, channel_id: str) -> int:
        """Whole seconds to wait before the next post in this channel; zero if it is allowed now."""
        return self._take(f"post {channel_id}", self.limits.post_burst, self.limits.posts_per_second)

    def wait_for_method(self, name: str, per_minute: int) -> int:
        """Whole seconds to wait before the next call of this method, in the whole workspace; zero if it is allowed
        now."""
        allowed = self.limits.updates_per_minute if name == "chat.update" else per_minute
        return self._take(f"method {name}", allowed, allowed / 60)

    def _take(self, key: str, size: float, rate: float) -> int:
        if not self.limits.pace:
            return 0
        bucket = self.buckets.setdefault(key, Bucket(size, rate))
        return math.ceil(bucket.take())
