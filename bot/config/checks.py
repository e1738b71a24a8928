"""The built-in checks with the settings applied: switched off, or with another threshold or severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.checks import catalog
from bot.checks.check import Check
from bot.config.custom_checks import own_checks
from bot.config.formats import duration
from bot.config.settings import Settings, WrongSettings
from bot.core.incidents.routing import Severity


def checks_of(settings: Settings) -> tuple[Check, ...]:
    """The enabled checks, with the operator's thresholds and severities, and the custom ones. Raises WrongSettings that
    names the field."""
    known = {check.name: check for check in catalog.ALL}
    for name in settings.checks:
        if name not in known:
            raise WrongSettings(f"checks.{name}: there is no such check; there are {', '.join(known)}")
    chosen = (_check(check, settings.checks.get(name, {}), f"checks.{name}") for name, check in known.items())
    return tuple(check for check in chosen if check is not None) + own_checks(settings, known)


def _check(check: Check, table: Mapping[str, Any], where: str) -> Check | None:
    unknown = sorted(set(table) - {"on", "threshold", "severity"})
    if unknown:
        raise WrongSettings(f"{where}.{unknown[0]}: no such field; there are on, severity, threshold")
    on, severity = table.get("on", True), table.get("severity", check.severity)
    if not isinstance(on, bool):
        raise WrongSettings(f"{where}.on: must be true or false")
    if severity not in Severity.__members__:
        raise WrongSettings(f"{where}.severity: must be one of {', '.join(Severity)}")
    return replace(check, threshold=_threshold(check, table, where), severity=severity) if on else None


def _threshold(check: Check, table: Mapping[str, Any], where: str) -> float:
    """The threshold: a duration in seconds if the check counts seconds, otherwise a number."""
    given = table.get("threshold", check.threshold)
    try:
        given = duration(given).total_seconds() if check.unit == "s" else float(given)
    except (ValueError, TypeError, AttributeError):
        raise WrongSettings(f"{where}.threshold: must be {'a duration' if check.unit == 's' else 'a number'}") from None
    if not 0 <= given < float("inf"):
        raise WrongSettings(f"{where}.threshold: must be zero or more")
    return float(given)
