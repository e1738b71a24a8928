"""Maintenance windows and the daily digest's schedule, read from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.config.formats import duration
from bot.config.settings import Settings
from bot.core.airflow import cron
from bot.core.incidents.maintenance import Window
from bot.core.incidents.routing import matcher
from bot.responder.lookups.daily_digest import Plan

FIELDS = frozenset({"name", "match", "from", "to", "cron", "lasts", "timezone", "reason"})


def digest_of(settings: Settings) -> Plan | None:
    """When and where the digest is posted; None if it is disabled."""
    given = settings.digest
    if not given.at:
        return None
    hour, _, minute = given.at.partition(":")
    return Plan(time(int(hour), int(minute)), ZoneInfo(given.zone), given.channel or settings.slack.channel)


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
    """A window that opens by a cron expression, with Airflow's rules: Sunday is 0 and 7, and if both day fields are
    restricted, either is enough."""
    try:
        schedule = cron.parse(str(table["cron"]))
    except ValueError as error:
        raise ValueError(f"{where}.cron: {error}") from None
    try:
        zone = ZoneInfo(str(table.get("timezone", "UTC")))
    except (ValueError, LookupError, OSError):
        raise ValueError(
            f"{where}.timezone: there is no time zone {table['timezone']!r}; write Europe/Berlin"
        ) from None
    try:
        lasts = duration(table.get("lasts"))
    except ValueError as error:
        raise ValueError(f"{where}.lasts: {error}") from None
    if not isinstance(lasts, timedelta) or lasts <= timedelta(0):
        raise ValueError(f"{where}.lasts: must be a duration such as 2h")

    def until(now: datetime) -> datetime | None:
        begun = next(schedule.moments(now - lasts + timedelta(microseconds=1), zone, now), None)
        return begun + lasts if begun is not None and begun <= now else None

    return until
