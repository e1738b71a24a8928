"""The window of a backfill, looked at before any server is asked.

Hard case: 3.1 and older answer a window that ends before it starts with an empty list, newer ones refuse it. Rule:
what is wrong with the question is said in the same words whichever version would have been asked.
"""

from __future__ import annotations

from datetime import datetime

from bot.core.backfill import RERUNS
from bot.core.errors import Permanent


def check(start: datetime, end: datetime, rerun: str) -> None:
    """`Permanent` for a window that ends before it starts and for a `rerun` that is none."""
    if rerun not in RERUNS:
        raise Permanent(f"`{rerun}` is none of {', '.join(RERUNS)}", "400")
    if start > end:
        raise Permanent("the window of the backfill ends before it starts", "400")
