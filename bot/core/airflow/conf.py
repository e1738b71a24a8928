"""Checks a conf against the params of a DAG, with as much of JSON Schema as can be explained in one sentence.

Airflow reads a plain default (`params={"n": 3}`) as a value without a schema, which accepts anything. Schema keywords
that aren't understood are left to Airflow; nothing is refused that Airflow would accept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.core.airflow.variables import Param
from bot.core.redaction import is_secret_name

_WORDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null",
          "array": "a list", "object": "an object"}  # fmt: skip
_NOUNS = {"date": "a date such as 2026-11-22", "date-time": "a moment such as 2026-11-22T05:00:00+00:00"}


@dataclass(frozen=True, slots=True)
class Checked:
    """`wrong` holds sentences about what Airflow will refuse, `odd` about what may be a slip."""

    wrong: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


def check(conf: Mapping[str, Any], params: Mapping[str, Param]) -> Checked:
    """Checks every key of the conf against its param, and that no required param is missing."""
    wrong = [
        _without_secret(key, fault)
        for key, value in conf.items() if key in params and (fault := _fault(key, value, params[key].schema))
    ]  # fmt: skip
    wrong += [
        f"{param.name} is required" for param in params.values() if _is_required(param) and param.name not in conf
    ]
    known = f"; it knows {', '.join(sorted(params)[:8])}" if params else ""
    odd = [f"{key} isn't a param of the DAG{known}" for key in conf if params and key not in params]
    return Checked(tuple(wrong), tuple(odd))


def _without_secret(key: str, fault: str) -> str:
    """Replaces the fault if the key looks like a secret's, because a fault quotes the value."""
    return f"{key} does not fit its schema" if is_secret_name(key) else fault


def _is_required(param: Param) -> bool:
    """Whether the param has no value and its schema does not allow null."""
    kinds = _kinds(param.schema)
    return param.value is None and bool(kinds) and "null" not in kinds


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type") or []
    return [str(kinds)] if isinstance(kinds, str) else [str(kind) for kind in kinds]


def _fault(key: str, value: Any, schema: Mapping[str, Any]) -> str:
    """The first fault, as `key must be …, not …`; empty when the value fits."""
    kinds = _kinds(schema)
    if value is None and "null" in kinds:
        return ""
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{key} must be {' or '.join(_WORDS.get(kind, kind) for kind in kinds)}, not {_shown(value)}"
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        return f"{key} must be one of {', '.join(_shown(one) for one in allowed[:12])}, not {_shown(value)}"
    return _out_of_bounds(key, value, schema) or _ill_formed(key, value, schema)


def _is(value: Any, kind: str) -> bool:
    """Whether the value has this JSON type: true isn't a number, and 3.0 is a whole number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str), "number": number, "integer": number and float(value).is_integer(),
        "boolean": isinstance(value, bool), "null": value is None, "array": isinstance(value, list),
        "object": isinstance(value, Mapping),
    }  # fmt: skip
    return fits.get(kind, True)


def _out_of_bounds(key: str, value: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = schema.get("minimum"), schema.get("maximum")
        if isinstance(least, int | float) and value < least:
            return f"{key} must be at least {least}, not {_shown(value)}"
        if isinstance(most, int | float) and value > most:
            return f"{key} must be at most {most}, not {_shown(value)}"
    if isinstance(value, str):
        shortest, longest = schema.get("minLength"), schema.get("maxLength")
        if isinstance(shortest, int) and len(value) < shortest:
            return f"{key} must have at least {shortest} characters"
        if isinstance(longest, int) and len(value) > longest:
            return f"{key} must have at most {longest} characters"
    return ""


def _ill_formed(key: str, value: Any, schema: Mapping[str, Any]) -> str:
    form = schema.get("format")
    if form not in _NOUNS or not isinstance(value, str):
        return ""
    try:
        (date if form == "date" else datetime).fromisoformat(value)
    except ValueError:
        return f"{key} must be {_NOUNS[str(form)]}, not {_shown(value)}"
    return ""


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 40 else f"{text[:39]}…"
