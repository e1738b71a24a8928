"""A task that will be retried is a warning where a route asks for one, and never a failure.

If it fails for good with a cause that already has an incident, the failure is counted there and the warning ends.
Otherwise the warning becomes the error, in the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.core.incidents.incident import Incident
from bot.core.incidents.routing import RETRYING
from bot.core.signals.signal import Family, Signal
from bot.store import incidents
from bot.store.driver.encoding import digest


def warned(t: Connection, told: Sequence[Signal], known: Callable[[int], Incident]) -> dict[str, int]:
    """The failed tasks that have a warning from an earlier try: their digest → the warning's incident id."""
    sick = incidents.sick_of(t, [signal.thing for signal in told if signal.family is Family.task])
    return {thing: i for thing, i, _ in sick if known(i).exemplar.kind == RETRYING}


def failed(t: Connection, told: Sequence[Signal], known: Callable[[int], Incident]) -> set[str]:
    """The digests of those that have failed for good already; one more try of theirs is not news."""
    sick = incidents.sick_of(t, [signal.thing for signal in told])
    return {thing for thing, i, _ in sick if known(i).exemplar.kind != RETRYING}


def end(
    t: Connection, warnings: Mapping[str, int], counted: Sequence[tuple[int, Signal]], now: datetime
) -> list[tuple[int, int]]:
    """Ends the warnings of tasks that failed for good and are counted in another incident. Returns (warning, that
    incident) for each warning that has nothing left to warn about."""
    placed = {digest(signal.thing): (i, signal.thing) for i, signal in counted if signal.kind != RETRYING}
    moved = {thing: warning for thing, warning in warnings.items() if thing in placed and placed[thing][0] != warning}
    if not moved:
        return []
    sick = incidents.sick_of(t, [placed[thing][1] for thing in moved])
    incidents.set_well(t, [subject for thing, i, subject in sick if moved[thing] == i], now)
    by = {warning: placed[thing][0] for thing, warning in moved.items()}
    return [(warning, other) for warning, other in by.items() if not incidents.sick_count(t, warning)]
