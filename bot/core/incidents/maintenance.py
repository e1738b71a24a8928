"""Maintenance windows: alerts that match are quiet during planned work, once or on a schedule.

A window matches in Airflow's terms (deployment, DAG, task, tag, pool, owner) and hides nothing: alerts are shown
without notifying, and what still fails at the end notifies as if it had just failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.incidents.routing import Matcher, Silence, severity_of
from bot.core.signals.signal import Signal

SCOPE = "maintenance:"


@dataclass(frozen=True, slots=True)
class Window:
    """`until(now)` returns when the window that is open now ends, None while it is closed."""

    name: str
    match: Matcher
    until: Callable[[datetime], datetime | None]
    reason: str = ""


def covering(windows: Sequence[Window], signal: Signal, signature: str, now: datetime) -> Silence | None:
    """The silence of the first open window that matches; None when there is none."""
    for window in windows:
        if not window.match(signal, severity_of(signal), signature):
            continue
        until = window.until(now)
        if until is not None:
            return Silence(
                0, SCOPE + window.name, signal.deployment, until, "maintenance", window.reason or window.name
            )
    return None
