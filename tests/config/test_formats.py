"""Values as people write them in settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.config.formats import duration, from_json, store_url, time_zone


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("15s", 15), ("5m", 300), ("2h", 7_200), ("7d", 604_800), (" 30 ", 30), ("0", 0), (90, 90), (1.5, 1.5)],
)
def test_a_duration(given: Any, seconds: float) -> None:
    assert duration(given) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "given", ["soon", "", "5 weeks", "-5m", "-1", -1, 10**12, "inf", "nan", "1e400", "99999999999d"]
)
def test_what_is_no_duration_says_what_one_looks_like(given: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(given)


@pytest.mark.parametrize("given", [None, True, timedelta(hours=1), ["5m"]])
def test_other_types_are_left_to_pydantic(given: Any) -> None:
    assert duration(given) is given


def test_json_inside_a_table_is_decoded_and_other_text_is_not() -> None:
    given = {"a": '["x", 1]', "b": {"c": '{"d": null}'}, "e": "[not json", "f": "plain", "g": 5}
    assert from_json(given) == {"a": ["x", 1], "b": {"c": {"d": None}}, "e": "[not json", "f": "plain", "g": 5}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_time_zone(zone: str) -> None:
    assert time_zone(zone) == zone


@pytest.mark.parametrize("zone", ["Berlin", "", "../etc/passwd", "/etc/localtime", "Europe", "\0"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="isn't a time zone such as"):
        time_zone(zone)


@pytest.mark.parametrize(
    ("url", "said"),
    [("mysql://u:hunter2@h/db", "mysql is not supported"), ("nonsense hunter2", "isn't a URL"), ("", "isn't a URL"),
     ("postgresql://u:hunter2@h:port/db", "isn't a URL")],
)  # fmt: skip
def test_a_store_that_cannot_be_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        store_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///windsock.db", "postgresql+psycopg://u@h/db"])
def test_a_store(url: str) -> None:
    assert store_url(url) == url
