"""What the reading verbs ask of the edges beyond Airflow's API: the checks, now, and PagerDuty's schedules.

Rule: an edge answers with these values or raises `Temporary` or `Permanent`; asking changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """What one check found when it was asked: sentences, none when it is well; `error` says why it could not be asked."""

    name: str
    title: str
    findings: Sequence[str] = ()
    error: str = ""
    runbook: str = ""


class Examine(Protocol):
    """Asks one deployment's checks now, and tells nobody."""

    def names(self) -> list[str]:
        """The checks that are on."""

    def ask(self, name: str) -> CheckSeen | None:
        """One check; None when there is no such check."""


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call: which level is rung, under which policy and schedule, until when (None: always)."""

    level: int
    person: str
    policy: str
    schedule: str = ""
    until: datetime | None = None
