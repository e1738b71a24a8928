"""Updates the alerts of checks that still find what they found before.

Hundreds of findings would mean hundreds of edits a minute, and people's presses would wait behind them. So each sweep
refreshes only the few whose figures are oldest. A repeated finding is not a failure, adds no timeline entry, and causes
at most one edit per minute.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.core.incidents import lifecycle
from bot.core.signals.signal import Signal
from bot.store import incidents
from bot.store.driver.encoding import digest

AT_ONCE = 10  # incidents that one batch updates


def refresh(t: Connection, again: Sequence[Signal]) -> bool:
    """Updates incidents whose finding has new figures. True if any was updated."""
    if not again:
        return False
    by_thing = {digest(signal.thing): signal for signal in again}
    told_as = {i: by_thing[thing] for thing, i, _ in incidents.sick_of(t, [signal.thing for signal in again])}
    oldest_first = sorted(incidents.many(t, told_as), key=lambda known: known.exemplar.occurred_at)
    changed = 0
    for known in oldest_first:
        seen = lifecycle.refresh(known, told_as[known.id])
        if seen is not None and changed < AT_ONCE:
            incidents.save(t, seen.incident)
            changed += 1
    return bool(changed)
