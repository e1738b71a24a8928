"""One check, asked by a person: the same question as on the schedule, answered to that person alone.

Rule: nobody is told and nothing is remembered, so that the schedule's own memory of what was sick stays true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.checks.check import Check
from bot.checks.metastore import Metastore
from bot.checks.sweep import Sweep
from bot.responder.asking import CheckSeen


class _Nothing:
    """A memory that keeps nothing."""

    def get(self, key: str) -> dict[str, Any] | None:  # noqa: ARG002 - the protocol's
        return None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Nothing is kept."""


class AskedChecks:
    """`bot.responder.asking.Examine` of one deployment."""

    def __init__(self, checks: Sequence[Check], metastore: Metastore, deployment: str) -> None:
        self._checks = {check.name: check for check in checks}
        self._sweep = Sweep(checks, metastore, deployment, lambda _: None, _Nothing())

    def names(self) -> list[str]:
        return list(self._checks)

    def ask(self, name: str) -> CheckSeen | None:
        if name not in self._checks:
            return None
        (result,) = self._sweep.run([name])
        found = [finding.sentence for finding in result.findings]
        return CheckSeen(name, result.check.title, found, result.error or "", result.check.runbook)
