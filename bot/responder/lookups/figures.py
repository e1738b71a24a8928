"""The bot's own figures, as `/metrics` shows them: what is open and owed, and how much of what failed was reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.responder.services import Services
from bot.store import counts
from bot.store.signals import coverage, signals


@dataclass(frozen=True, slots=True)
class Figures:
    """At one moment. `set_aside` signals could not be processed; `coverage` is by deployment, since the store was made."""

    tally: counts.Tally
    coverage: Mapping[str, coverage.Coverage]
    set_aside: int


def figures(services: Services) -> Figures:
    """Reads them in one transaction. Raises Temporary or Permanent."""
    with services.store.read() as t:
        return Figures(counts.tally(t, services.clock()), coverage.totals(t), signals.aside(t))
