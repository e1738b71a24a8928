"""Rules for JSON values: a rule is a function of a value and its pointer that returns the faults, in Slack's wording.

The pointer of a fault must name the exact field, however deep, because it is all that a developer gets. A rule never
raises and never changes the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any

Faults = list[str]
Rule = Callable[[Any, str], Faults]
Fields = Mapping[str, Rule]


def fault(sentence: str, place: str) -> str:
    return f"{sentence} [json-pointer:{place}]"


def string(most: int, least: int = 1) -> Rule:
    def check(value: Any, place: str) -> Faults:
        if not isinstance(value, str):
            return [fault("must provide a string", place)]
        if len(value) < least:
            return [fault(f"must be more than {least - 1} characters", place)]
        if len(value) > most:
            return [fault(f"must be less than {most + 1} characters", place)]
        return []

    return check


def flag(value: Any, place: str) -> Faults:
    return [] if isinstance(value, bool) else [fault("must be a valid boolean", place)]


def a_date(value: Any, place: str) -> Faults:
    return _read(value, place, date.fromisoformat, 10, "must be a valid date (YYYY-MM-DD)")


def a_time(value: Any, place: str) -> Faults:
    return _read(value, place, time.fromisoformat, 5, "must be a valid time (HH:mm)")


def a_number(value: Any, place: str) -> Faults:
    return _read(value, place, float, len(value) if isinstance(value, str) else 0, "must be a valid number")


def _read(value: Any, place: str, read: Callable[[str], Any], length: int, sentence: str) -> Faults:
    try:
        read(value)
    except (ValueError, TypeError):
        return [fault(sentence, place)]
    return [] if isinstance(value, str) and len(value) == length else [fault(sentence, place)]


def whole(least: int, most: int) -> Rule:
    def check(value: Any, place: str) -> Faults:
        if not isinstance(value, int) or isinstance(value, bool):
            return [fault("must be a valid integer", place)]
        return [] if least <= value <= most else [fault(f"must be between {least} and {most}", place)]

    return check


def one_of(*words: str) -> Rule:
    def check(value: Any, place: str) -> Faults:
        return [] if value in words else [fault(f"must be one of: {', '.join(words)}", place)]

    return check


def anything(value: Any, place: str) -> Faults:
    del value, place
    return []


def many(rule: Rule, most: int, least: int = 1) -> Rule:
    def check(value: Any, place: str) -> Faults:
        if not isinstance(value, list):
            return [fault("must be a valid array", place)]
        if len(value) > most:
            return [fault(f"no more than {most} items allowed", place)]
        if len(value) < least:
            return [fault(f"no fewer than {least} items allowed", place)]
        return [each for n, item in enumerate(value) for each in rule(item, f"{place}/{n}")]

    return check


def fields(required: Fields, optional: Fields | None = None) -> Rule:
    """An object with exactly these fields; `type` is always allowed."""
    known = {**required, **(optional or {})}

    def check(value: Any, place: str) -> Faults:
        if not isinstance(value, dict):
            return [fault("must be a valid object", place)]
        faults = [fault(f"missing required field: {name}", place) for name in required if name not in value]
        extra = set(value) - set(known) - {"type"}
        faults += [fault(f"invalid additional property: {name}", place) for name in sorted(extra)]
        for name, rule in known.items():
            if name in value:
                faults += rule(value[name], f"{place}/{name}")
        return faults

    return check


def typed(table: Mapping[str, Rule], allowed: frozenset[str] | None = None) -> Rule:
    """An object whose `type` selects a rule from the table."""

    def check(value: Any, place: str) -> Faults:
        if not isinstance(value, dict):
            return [fault("must be a valid object", place)]
        kind = str(value.get("type"))
        if kind not in table or (allowed is not None and kind not in allowed):
            return [fault(f"unsupported type: {kind}", f"{place}/type")]
        return table[kind](value, place)

    return check


def either(first: str, second: str) -> Rule:
    """An object that must have one of two fields."""

    def check(value: Any, place: str) -> Faults:
        if first in value or second in value:
            return []
        return [fault(f"missing required field: {first} or {second}", place)]

    return check


def both(one: Rule, other: Rule) -> Rule:
    return lambda value, place: one(value, place) or other(value, place)


def without_twins(name: str, rule: Rule) -> Rule:
    """A list in which no two objects have the same value in this field."""

    def check(value: Any, place: str) -> Faults:
        if faults := rule(value, place):
            return faults
        seen: set[str] = set()
        for n, item in enumerate(value):
            word = item.get(name) if isinstance(item, dict) else None
            if word is None:
                continue
            if word in seen:
                return [fault(f"`{name}` {word} already exists", f"{place}/{n}/{name}")]
            seen.add(word)
        return []

    return check
