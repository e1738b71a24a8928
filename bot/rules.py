"""What the operator decided in the file: routes, checks, and maintenance windows (once, from a time to a time, or by cron).

Rule: what cannot be read keeps the bot from starting, with one line that names it; a window that silently never opened
would ring people at night.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from bot.checks import catalog
from bot.checks.check import Check
from bot.core.incidents.maintenance import Window
from bot.core.incidents.routing import GROUPINGS, NEVER, Broadcast, Policy, Route, Severity, matcher
from bot.own_checks import own_checks
from bot.responder.lookups.daily_digest import Plan
from bot.settings import Settings, WrongSettings
from bot.values import duration

FIELDS = frozenset({"name", "match", "from", "to", "cron", "lasts", "timezone", "reason"})


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
    """A duration, or `never`."""
    found = NEVER if value == "never" else duration(value)
    if not isinstance(found, timedelta):
        raise ValueError("must be a duration such as 10m, or never")
    return found


def _warn_on_try(table: Mapping[str, Any], where: str) -> int | None:
    """From which failed try on a retry is a warning; none without the option."""
    value = table.get("warn_on_try")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(
            f"{where}.warn_on_try: must be a whole number of at least 1, the try from which on a retry is told"
        )
    return value


def digest_of(settings: Settings) -> Plan | None:
    """When and where the digest is posted; None while it is off."""
    given = settings.digest
    if not given.at:
        return None
    hour, _, minute = given.at.partition(":")
    return Plan(time(int(hour), int(minute)), ZoneInfo(given.zone), given.channel or settings.slack.channel)


def checks_of(settings: Settings) -> tuple[Check, ...]:
    """The checks that are on, with the operator's thresholds and severities. Raises WrongSettings that names the field."""
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
    """A duration where the check counts seconds, else a number."""
    given = table.get("threshold", check.threshold)
    try:
        given = duration(given).total_seconds() if check.unit == "s" else float(given)
    except (ValueError, TypeError, AttributeError):
        raise WrongSettings(f"{where}.threshold: must be {'a duration' if check.unit == 's' else 'a number'}") from None
    if not 0 <= given < float("inf"):
        raise WrongSettings(f"{where}.threshold: must be zero or more")
    return float(given)


def windows(tables: Sequence[Mapping[str, Any]]) -> tuple[Window, ...]:
    """The windows. Raises ValueError that names the table and the field."""
    return tuple(_window(table, f"maintenance[{place}]") for place, table in enumerate(tables))


def _window(table: Mapping[str, Any], where: str) -> Window:
    unknown = sorted(set(table) - FIELDS)
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: no such field; there are {', '.join(sorted(FIELDS))}")
    if not table.get("match"):
        raise ValueError(f'{where}.match: is missing; name what is quiet, for example {{ dag = "sales_*" }}')
    until = _by_cron(table, where) if "cron" in table else _once(table, where)
    return Window(
        str(table.get("name", where)), matcher(table["match"], f"{where}.match"), until, str(table.get("reason", ""))
    )


def _once(table: Mapping[str, Any], where: str) -> Callable[[datetime], datetime | None]:
    begins, ends = _moment(table, "from", where), _moment(table, "to", where)
    if ends <= begins:
        raise ValueError(f"{where}.to: must be later than from")
    return lambda now: ends if begins <= now < ends else None


def _moment(table: Mapping[str, Any], field: str, where: str) -> datetime:
    value = table.get(field)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(
            f"{where}.{field}: must be a time such as 2026-11-22T22:00:00Z (or give cron and lasts)"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _by_cron(table: Mapping[str, Any], where: str) -> Callable[[datetime], datetime | None]:
    try:
        trigger = CronTrigger.from_crontab(str(table["cron"]), timezone=str(table.get("timezone", "UTC")))
    except (ValueError, LookupError) as error:
        raise ValueError(f"{where}.cron: {error}") from None
    try:
        lasts = duration(table.get("lasts"))
    except ValueError as error:
        raise ValueError(f"{where}.lasts: {error}") from None
    if not isinstance(lasts, timedelta) or lasts <= timedelta(0):
        raise ValueError(f"{where}.lasts: must be a duration such as 2h")

    def until(now: datetime) -> datetime | None:
        begun = trigger.get_next_fire_time(None, now - lasts + timedelta(microseconds=1))
        return begun.astimezone(UTC) + lasts if begun is not None and begun <= now else None

    return until
