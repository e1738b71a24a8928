"""Reads `[[custom_checks]]`. A mistake prevents the bot from starting, with one line that names the table and the
field, because a check that silently never ran would hide failures."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import timedelta
from typing import Any

from bot.checks.check import Check
from bot.checks.custom import MEASURES, MOST_ROWS, NAME, custom, sql_fault, template_fault
from bot.config.formats import duration
from bot.config.settings import Settings, WrongSettings
from bot.core.incidents.routing import Severity

FIELDS = (
    "name",
    "deployment",
    "sql",
    "every",
    "holds",
    "measure",
    "threshold",
    "sick",
    "well",
    "severity",
    "tags",
    "runbook",
)


def own_checks(settings: Settings, known: Container[str]) -> tuple[Check, ...]:
    """The operator's checks; `known` are the names already taken. Raises WrongSettings that names the field."""
    made: dict[str, Check] = {}
    for place, table in enumerate(settings.custom_checks):
        where = f"custom_checks[{place}]"
        check = _own_check(settings, table, where)
        if check.name in known or check.name in made:
            raise WrongSettings(f"{where}.name: there is a check called {check.name} already")
        made[check.name] = check
    return tuple(made.values())


def _own_check(settings: Settings, table: Mapping[str, Any], where: str) -> Check:
    unknown = sorted(set(table) - set(FIELDS))
    if unknown:
        raise WrongSettings(f"{where}.{unknown[0]}: no such field; there are {', '.join(FIELDS)}")
    name, sql = _text(table, "name", where), _text(table, "sql", where)
    if not NAME.fullmatch(name):
        raise WrongSettings(f"{where}.name: must be small letters, digits and hyphens, such as late-partners")
    if fault := sql_fault(sql):
        raise WrongSettings(f"{where}.sql: {fault}")
    return custom(
        name, sql, measure=_one_of(table, "measure", where, MEASURES, "rows"), threshold=_threshold(table, where),
        sick=_sentence(table, "sick", where), well=_sentence(table, "well", where),
        severity=_one_of(table, "severity", where, tuple(Severity), Severity.warning.value),
        deployment=_deployment(settings, table, where), every=_seconds(table, "every", where),
        holds=_seconds(table, "holds", where), tags=_tags(table, where),
        runbook=_text(table, "runbook", where) if "runbook" in table else "",
    )  # fmt: skip


def _text(table: Mapping[str, Any], field: str, where: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not value.strip():
        raise WrongSettings(f"{where}.{field}: {'must be a text' if field in table else 'is missing'}")
    return value


def _sentence(table: Mapping[str, Any], field: str, where: str) -> str:
    text = _text(table, field, where)
    if fault := template_fault(text):
        raise WrongSettings(f"{where}.{field}: {fault}")
    return text


def _one_of(table: Mapping[str, Any], field: str, where: str, words: tuple[str, ...], default: str) -> str:
    value = table.get(field, default)
    if value not in words:
        raise WrongSettings(f"{where}.{field}: must be one of {', '.join(words)}")
    return str(value)


def _threshold(table: Mapping[str, Any], where: str) -> float:
    value = table.get("threshold", 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
        raise WrongSettings(f"{where}.threshold: must be a number")
    if table.get("measure", "rows") == "rows" and not 0 <= value < MOST_ROWS:
        raise WrongSettings(
            f"{where}.threshold: must be 0 to {MOST_ROWS - 1} rows; count them in SQL, as value, for more"
        )
    return float(value)


def _seconds(table: Mapping[str, Any], field: str, where: str) -> float:
    try:
        lasts = duration(table.get(field, "0s"))
    except ValueError as error:
        raise WrongSettings(f"{where}.{field}: {error}") from None
    if not isinstance(lasts, timedelta):
        raise WrongSettings(f"{where}.{field}: must be a duration such as 5m")
    return lasts.total_seconds()


def _tags(table: Mapping[str, Any], where: str) -> tuple[str, ...]:
    tags = table.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        raise WrongSettings(f"{where}.tags: must be a list of texts")
    return tuple(tags)


def _deployment(settings: Settings, table: Mapping[str, Any], where: str) -> str:
    """The deployment to query, which must have a metastore; empty for all of them."""
    if "deployment" not in table:
        return ""
    name = _text(table, "deployment", where)
    if name not in settings.airflow:
        raise WrongSettings(
            f"{where}.deployment: there is no {name}; there are {', '.join(settings.airflow) or 'none'}"
        )
    if not settings.airflow[name].metastore_url.get_secret_value():
        raise WrongSettings(f"{where}.deployment: {name} has no metastore_url, so there is nothing to ask")
    return name
