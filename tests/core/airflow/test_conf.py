"""A conf against a DAG's params: what is wrong is said before anybody confirms,
and nothing is refused that Airflow takes."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.airflow.conf import check
from bot.core.airflow.variables import Param


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "integer"}, 3, ""),
        ({"type": "integer"}, 3.0, ""),
        ({"type": "integer"}, "3", "p must be a whole number, not '3'"),
        ({"type": "integer"}, True, "p must be a whole number, not true"),
        ({"type": "number", "minimum": 1, "maximum": 5}, 5, ""),
        ({"type": "number", "maximum": 5}, 5.1, "p must be at most 5, not 5.1"),
        ({"type": "number", "minimum": 1}, 0, "p must be at least 1, not 0"),
        ({"type": ["string", "null"]}, None, ""),
        ({"type": "string"}, None, "p must be text, not None"),
        ({"type": "string", "enum": ["eu", "us"]}, "ap", "p must be one of 'eu', 'us', not 'ap'"),
        ({"enum": [1, 2]}, 2, ""),
        ({"type": "string", "format": "date"}, "2026-11-22", ""),
        ({"type": "string", "format": "date"}, "2026-13-22", "p must be a date such as 2026-11-22, not '2026-13-22'"),
        ({"type": "string", "format": "date-time"}, "2026-11-22T05:00:00Z", ""),
        ({"type": "string", "minLength": 2}, "x", "p must have at least 2 characters"),
        ({"type": "boolean"}, "yes", "p must be true or false, not 'yes'"),
        ({"type": "array"}, [1], ""),
        ({"type": "object"}, [1], "p must be an object, not [1]"),
        ({"type": "color"}, 3, ""),
        ({}, object, ""),
    ],
)
def test_a_value_is_checked_against_its_schema(schema: dict[str, Any], value: Any, said: str) -> None:
    checked = check({"p": value}, {"p": Param("p", 1, schema)})
    assert checked.wrong == ((said,) if said else ())
    assert checked.odd == ()


def test_what_is_missing_is_named_and_what_is_unknown_is_only_odd() -> None:
    params = {"day": Param("day", None, {"type": "string"}), "n": Param("n", 3), "note": Param("note", None)}
    checked = check({"m": 1}, params)
    assert checked.wrong == ("day is required",)
    assert checked.odd == ("m isn't a param of the DAG; it knows day, n, note",)
    assert check({"anything": 1}, {}).odd == ()


def test_what_is_wrong_with_a_secret_does_not_tell_it() -> None:
    said = check({"api_token": 4711}, {"api_token": Param("api_token", None, {"type": "string"})}).wrong
    assert said == ("api_token does not fit its schema",)
