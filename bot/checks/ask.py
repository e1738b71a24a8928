"""Runs checks on request and returns the answer to the caller only.

Nothing is reported or stored, so the scheduled sweep's record of open findings stays correct.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bot.checks.catalog import ALL
from bot.checks.check import Check
from bot.checks.metastore.connection import Metastore
from bot.checks.sweep import Sweep
from bot.responder.questions import CheckSeen


class _Nothing:
    """A `Remember` that stores nothing."""

    def get(self, key: str) -> dict[str, Any] | None:  # noqa: ARG002 - the protocol's
        return None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Discards the value."""


class AskedChecks:
    """`bot.responder.questions.Examine` for one deployment."""

    def __init__(self, checks: Sequence[Check], metastore: Metastore, deployment: str) -> None:
        self._checks = {check.name: check for check in checks if check.deployment in ("", deployment)}
        self._sweep = Sweep(checks, metastore, deployment, lambda _: None, _Nothing())

    def names(self) -> list[str]:
        return list(self._checks)

    def ask(self, name: str) -> CheckSeen | None:
        if name not in self._checks:
            return None
        (result,) = self._sweep.run([name])
        found = [finding.sentence for finding in result.findings]
        return CheckSeen(name, result.check.title, found, result.error or "", result.check.runbook)


def ask_once(
    deployment: str, metastore_url: str, names: Iterable[str] | None = None, chosen: Sequence[Check] = ALL
) -> list[dict[str, Any]]:
    """Runs the checks once without reporting anything, for the command line. Returns one dict per check."""
    metastore = Metastore(metastore_url)
    try:
        results = Sweep(chosen, metastore, deployment, lambda _: None, _Nothing()).run(names)
    finally:
        metastore.close()
    return [
        {"deployment": deployment, "check": result.check.name, "seconds": round(result.seconds, 3),
         "findings": [finding.sentence for finding in result.findings], "error": result.error}
        for result in results
    ]  # fmt: skip
