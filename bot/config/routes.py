"""Reads the routes. A mistake prevents the bot from starting, with one line that names it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.config.formats import duration
from bot.config.settings import Settings
from bot.core.incidents.routing import GROUPINGS, NEVER, Broadcast, Policy, Route, Severity, matcher


def policy_of(settings: Settings) -> Policy:
    routes = tuple(_route(table, f"routes[{place}]") for place, table in enumerate(settings.routes))
    incidents = settings.incidents
    return Policy(routes, settings.slack.channel, incidents.reopen_within, incidents.remind_after or None)


def _route(table: Mapping[str, Any], where: str) -> Route:
    known = {"name", "match", "channel", "severity", "group_by", "page_after", "mention", "broadcast", "warn_on_try"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: no such field; there are {', '.join(sorted(known))}")
    group_by = table.get("group_by")
    if group_by is not None and group_by not in GROUPINGS:
        raise ValueError(f"{where}.group_by: must be one of {', '.join(GROUPINGS)}")
    try:
        page_after = _page_after(table["page_after"]) if "page_after" in table else None
    except ValueError as error:
        raise ValueError(f"{where}.page_after: {error}") from None
    broadcast = table.get("broadcast", Broadcast.always.value)
    if not isinstance(broadcast, str) or broadcast not in Broadcast.__members__:
        raise ValueError(f"{where}.broadcast: must be one of {', '.join(Broadcast)}")
    severity = table.get("severity")
    if severity is not None and severity not in Severity.__members__:
        raise ValueError(f"{where}.severity: must be one of {', '.join(Severity)}")
    return Route(
        name=str(table.get("name", where)), match=matcher(table.get("match", {}), f"{where}.match"),
        channel=table.get("channel"), severity=Severity(severity) if severity else None, group_by=group_by,
        page_after=page_after, mention=str(table.get("mention", "")), broadcast=Broadcast(broadcast),
        warn_on_try=_warn_on_try(table, where),
    )  # fmt: skip


def _page_after(value: Any) -> timedelta:
    """A duration, or NEVER for `never`. Raises ValueError."""
    found = NEVER if value == "never" else duration(value)
    if not isinstance(found, timedelta):
        raise ValueError("must be a duration such as 10m, or never")
    return found


def _warn_on_try(table: Mapping[str, Any], where: str) -> int | None:
    """The failed try from which on a retry is a warning; None if the option is not set."""
    value = table.get("warn_on_try")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(
            f"{where}.warn_on_try: must be a whole number of at least 1, the try from which on a retry warns"
        )
    return value
