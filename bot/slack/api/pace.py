"""Slack's limits on posts and edits, enforced by the bot, also across restarts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from bot.core.errors import Paced

POST_BURST = 4

POSTS_PER_SECOND = 1.0

EDIT_BURST = 8

EDITS_PER_SECOND = 42 / 60


class Bucket:
    """A token bucket that refills at a steady rate. Thread-safe; the clock is seconds since 1970, so that the state
    survives a restart."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.time) -> None:
        self._burst, self._rate, self._clock = burst, per_second, clock
        self._tokens, self._at = burst, clock()
        self._lock = threading.Lock()

    def take(self, reserve: float = 0.0) -> None:
        """Takes one token and leaves `reserve` for more urgent calls. Raises Paced with the seconds to wait."""
        with self._lock:
            self._refill()
            missing = 1.0 + reserve - self._tokens
            if missing > 0:
                raise Paced("our own pace", retry_after=missing / self._rate)
            self._tokens -= 1.0

    def empty(self, seconds: float) -> None:
        """Gives no token for that many seconds, because Slack asked to slow down."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 1.0 - seconds * self._rate)

    def left(self) -> list[float]:
        """The tokens left, and when, for `restore` after a restart."""
        with self._lock:
            return [self._tokens, self._at]

    def restore(self, left: Sequence[float]) -> None:
        """Continues with what was left; a clock that went back adds nothing."""
        with self._lock:
            tokens, at = float(left[0]), float(left[1])
            self._tokens = min(self._burst, tokens + max(0.0, self._clock() - at) * self._rate)
            self._at = self._clock()

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now


class Kept(Protocol):
    """Stores small values that survive a restart."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, key: str, value: dict[str, Any]) -> None: ...


class Pace:
    """A bucket for each channel's posts, and one for all edits, kept across restarts."""

    def __init__(self, kept: Kept | None = None, clock: Callable[[], float] = time.time) -> None:
        self._posts: dict[str, Bucket] = {}
        self._kept, self._clock = kept, clock
        self.edits = self._bucket("edits", EDIT_BURST, EDITS_PER_SECOND)

    def posts(self, channel: str) -> Bucket:
        if channel not in self._posts:
            self._posts[channel] = self._bucket(f"posts/{channel}", POST_BURST, POSTS_PER_SECOND)
        return self._posts[channel]

    def alias(self, channel_id: str, name: str) -> None:
        """Lets a channel's id and its name share one bucket."""
        self._posts[channel_id] = self.posts(name)

    def keep(self) -> None:
        """Stores the state of every bucket."""
        if self._kept is not None:
            posts = {name: bucket.left() for name, bucket in self._posts.items()}
            self._kept.put(
                "pace", {"edits": self.edits.left(), **{f"posts/{name}": left for name, left in posts.items()}}
            )

    def _bucket(self, name: str, burst: float, per_second: float) -> Bucket:
        bucket = Bucket(burst, per_second, self._clock)
        left = (self._kept.get("pace") or {}).get(name) if self._kept is not None else None
        if left:
            bucket.restore(left)
        return bucket
