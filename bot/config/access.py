"""Reads the `[access]` table into `Access`.

A rule without effect (no role and no second person, a verb that changes nothing) is refused with a line that names the
field and the remedy, because people would rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.core.access import ALIASES, NEEDS, PLANNED, WIDE, Access, BreakGlass, Rule
from bot.core.roles import Role

_ROLES = ", ".join(role.name for role in Role)
_RULE = ("verbs", "tag", "dag", "deployment", "role", "second_person")
_GLASS = ("who", "role", "minutes")
LONGEST_MINUTES = 24 * 60


def access(table: Mapping[str, Any]) -> Access:
    """Builds `Access` from the `[access]` table. Raises ValueError that names the field and the remedy."""
    own = {"deployment", "rules", "break_glass", "wide", "guests"}
    deployments = _table(table.get("deployment", {}), "access.deployment")
    rules = table.get("rules", [])
    if not isinstance(rules, list):
        raise ValueError("access.rules: must be a list of tables; write [[access.rules]] above each rule")
    return Access(
        _grants({name: ids for name, ids in table.items() if name not in own}, "access"),
        {name: _grants(_table(one, f"access.deployment.{name}"), f"access.deployment.{name}")
         for name, one in deployments.items()},
        tuple(_rule(_table(rule, f"access.rules[{place}]"), f"access.rules[{place}]") for place, rule in enumerate(rules)),
        _glass(_table(table.get("break_glass", {}), "access.break_glass")),
        _whole(table.get("wide", WIDE), "access.wide", 1, 1_000_000),
        _flag(table.get("guests", False), "access.guests"),
    )  # fmt: skip


def hidden_rules(table: Mapping[str, Any]) -> list[str]:
    """A line for each rule whose role never applies, because an earlier rule matches everything that it matches."""
    return [
        f"access.rules[{rule}]: its role never counts, since access.rules[{before}] is about all that it is about; put the "
        "narrower one first\n"
        for rule, before in access(table).shadowed()
    ]


def _grants(table: Mapping[str, Any], where: str) -> dict[Role, frozenset[str]]:
    unknown = sorted(set(table) - set(Role.__members__))
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: no such role; there are {_ROLES}")
    return {Role[name]: _ids(ids, f"{where}.{name}") for name, ids in table.items()}


def _ids(value: Any, where: str) -> frozenset[str]:
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(one, str) for one in value):
        raise ValueError(f'{where}: must be a list of Slack ids, such as ["U0123", "S0456"] or ["*"]')
    wrong = next((one for one in value if one != "*" and one[:1] not in {"U", "W", "S"}), None)
    if wrong is not None:
        raise ValueError(f"{where}: {wrong!r} isn't a Slack id; a user's begins with U or W, a user group's with S")
    return frozenset(value)


def _rule(table: Mapping[str, Any], where: str) -> Rule:
    _known(table, _RULE, where)
    verbs = frozenset(ALIASES.get(verb, verb) for verb in _texts(table.get("verbs", ()), f"{where}.verbs"))
    if unknown := sorted(verbs - set(NEEDS)):
        raise ValueError(
            f"{where}.verbs: {unknown[0]!r} isn't a verb that changes something; a rule is for {', '.join(NEEDS)}"
        )
    second = _flag(table.get("second_person", False), f"{where}.second_person")
    if "role" not in table and not second:
        raise ValueError(f"{where}: says neither role nor second_person, so it would guard nothing; add one")
    if second and verbs and not verbs & set(PLANNED):
        raise ValueError(f"{where}.second_person: only what shows a list first can wait for one: {', '.join(PLANNED)}")
    return Rule(
        verbs, _texts(table.get("tag", ()), f"{where}.tag"), _texts(table.get("dag", ()), f"{where}.dag"),
        _texts(table.get("deployment", ()), f"{where}.deployment"), _role(table, where, None), second,
    )  # fmt: skip


def _glass(table: Mapping[str, Any]) -> BreakGlass:
    where = "access.break_glass"
    _known(table, _GLASS, where)
    role = _role(table, where, Role.operator)
    if role is None or role is Role.viewer:
        raise ValueError(f"{where}.role: a viewer may change nothing; say responder, operator or admin")
    minutes = _whole(table.get("minutes", 30), f"{where}.minutes", 1, LONGEST_MINUTES)
    return BreakGlass(_ids(table.get("who", ()), f"{where}.who"), role, timedelta(minutes=minutes))


def _role(table: Mapping[str, Any], where: str, otherwise: Role | None) -> Role | None:
    if "role" not in table:
        return otherwise
    if table["role"] not in Role.__members__:
        raise ValueError(f"{where}.role: no such role; there are {_ROLES}")
    return Role[table["role"]]


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{where}: must be true or false")
    return value


def _known(table: Mapping[str, Any], fields: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: no such field; there are {', '.join(fields)}")


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: must be a table; write [{where}] above its fields")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) and one for one in listed):
        raise ValueError(f"{where}: must be a word or a list of words")
    return tuple(listed)


def _whole(value: Any, where: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        raise ValueError(f"{where}: must be a whole number")
    if not least <= int(value) <= most:
        raise ValueError(f"{where}: must be between {least} and {most}")
    return int(value)
