"""How long to wait before another try: one formula for all that leaves the process."""

from __future__ import annotations

import random


def full_jitter(tries: int, *, base: float, most: float, least: float = 0.2) -> float:
    """Seconds to wait after this many tries: random between `least` and `base` doubled with each try, `most` at the most,
    so that those that failed together don't come back together."""
    return random.uniform(least, max(least, min(most, base * 2.0 ** min(tries, 10))))  # noqa: S311 - jitter
