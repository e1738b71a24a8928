"""A signal's JSON: wrong fields are refused by name, free text is cleaned, the rest is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.signals.signal import KINDS
from bot.core.signals.wire import (
    IDENTIFIER_LIMIT,
    KNOWN,
    MESSAGE_LIMIT,
    REQUIRED,
    SYNONYMS,
    TRACEBACK_LIMIT,
    BadSignal,
    as_json,
    clean,
    parse,
)
from tests.given import NOW, body, told

WRONG_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("kind", {"kind": None}, "no kind"),
    ("kind", {"kind": "task_exploded"}, "an unknown kind"),
    ("kind", {"kind": ["task_failed"]}, "a kind that is a list"),
    ("v", {"v": 2}, "a later version"),
    ("v", {"v": "1"}, "a version in words"),
    ("v", {"v": True}, "true is no version"),
    ("deployment", {"deployment": None}, "no deployment"),
    ("deployment", {"deployment": ""}, "an empty deployment"),
    ("deployment", {"deployment": 3}, "a deployment that is a number"),
    ("occurred_at", {"occurred_at": None}, "no time"),
    ("occurred_at", {"occurred_at": "yesterday"}, "a time in words"),
    ("occurred_at", {"occurred_at": 1_700_000_000}, "a time in seconds"),
    ("occurred_at", {"occurred_at": "2026-13-45T99:00:00Z"}, "a time that is none"),
    ("occurred_at", {"occurred_at": "0001-01-01T00:00:00+14:00"}, "a time before all years"),
    ("occurred_at", {"occurred_at": "9999-12-31T23:59:59-14:00"}, "a time after all years"),
    ("dag_id", {"dag_id": None}, "no DAG"),
    ("dag_id", {"dag_id": "   "}, "a blank DAG"),
    ("dag_id", {"dag_id": "sales\x00daily"}, "a NUL in an identifier"),
    ("dag_id", {"dag_id": "sales\nload"}, "a line break in an identifier"),
    ("dag_id", {"dag_id": "x" * (IDENTIFIER_LIMIT + 1)}, "an identifier too long"),
    ("run_id", {"run_id": "run\ud800"}, "half a character in an identifier"),
    ("run_id", {"run_id": {"id": 1}}, "a run that is an object"),
    ("task_id", {"task_id": None}, "no task"),
    ("task_id", {"task_id": "a\x1fb"}, "the separator in an identifier"),
    ("map_index", {"map_index": -2}, "an index below -1"),
    ("map_index", {"map_index": 1.5}, "half an index"),
    ("map_index", {"map_index": True}, "true is no index"),
    ("map_index", {"map_index": 2**31}, "an index too large for a database"),
    ("try_number", {"try_number": -1}, "a negative try"),
    ("try_number", {"try_number": "3"}, "a try in words"),
    ("max_tries", {"max_tries": 10**30}, "tries without end"),
    ("exception", {"exception": 17}, "an exception that is a number"),
    ("exception", {"exception": ["ValueError"]}, "an exception that is a list"),
    ("tags", {"tags": "critical"}, "a tag that is no list"),
    ("tags", {"tags": ["critical", 5]}, "a tag that is no string"),
]


@pytest.mark.parametrize(("field", "changed", "said"), WRONG_FIELDS, ids=[row[2] for row in WRONG_FIELDS])
def test_a_wrong_field_is_refused_by_its_name(field: str, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSignal) as refused:
        parse({name: value for name, value in (body() | changed).items() if value is not None}, NOW)
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_names_the_field_that_it_lacks(kind: str) -> None:
    for field in REQUIRED[KINDS[kind][0]]:
        with pytest.raises(BadSignal) as refused:
            parse(body(kind, **{field: None}), NOW)
        assert refused.value.field == field


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_read_back_from_what_is_stored(kind: str) -> None:
    signal = told(
        kind, tags=["a", "b"], owner="data-eng", max_tries=2, extra={"x": [1, None]}, logical_date="2026-11-22"
    )
    assert parse(json.loads(json.dumps(as_json(signal))), NOW + timedelta(days=365)) == signal


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("bad\x00byte", "bad\ufffdbyte"),
        ("half \ud83d a smile", "half \ufffd a smile"),
        ("bell\x07 and escape\x1b[31m", "bell\ufffd and escape\ufffd[31m"),
        ("turned \u202eround", "turned round"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("tabs\tand lines\nstay", "tabs\tand lines\nstay"),
    ],
)
def test_hostile_free_text_is_cleaned_and_taken(given_text: str, kept: str) -> None:
    signal = told(owner=given_text, exception={"type": "E", "message": given_text, "traceback": given_text})
    assert signal.owner == signal.exception.message == signal.exception.traceback == kept


def test_a_traceback_of_megabytes_keeps_its_first_and_last_lines() -> None:
    lines = [f'  File "x.py", line {n}, in f{n}' for n in range(60_000)]
    kept = told(exception={"type": "E", "message": "m" * 100_000, "traceback": "\n".join(lines)}).exception
    assert len(kept.traceback) <= TRACEBACK_LIMIT
    assert len(kept.message) <= MESSAGE_LIMIT
    assert kept.traceback.startswith(lines[0])
    assert kept.traceback.endswith(lines[-1])
    assert "characters cut" in kept.traceback


@given(st.text(st.characters(exclude_categories=()), max_size=400), st.integers(min_value=120, max_value=300))
def test_cleaned_text_can_always_be_stored(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert "\x00" not in cleaned
    assert len(cleaned) <= max(limit, 80)
    cleaned.encode("utf-8")  # no half characters


@pytest.mark.parametrize(
    ("given_name", "known", "kind"),
    [
        ("filename", "file", "import_error"),
        ("check_name", "check", "check_failed"),
        ("title", "name", "external"),
        ("subject", "name", "external"),
        ("subject_key", "name", "external"),
    ],
)
def test_another_programs_word_for_the_same_thing_is_understood(given_name: str, known: str, kind: str) -> None:
    signal = told(kind, **{known: None, given_name: "the thing"})
    assert getattr(signal, known) == "the thing"
    assert given_name not in signal.extra


def test_our_own_word_beats_another_programs() -> None:
    assert told("external", name="ours", title="theirs").name == "ours"


def test_another_programs_word_that_fits_nowhere_never_costs_a_failure() -> None:
    signal = told(subject={"kind": "Pod"}, title=5)
    assert signal.task_id == "load"
    assert signal.extra["subject"] == {"kind": "Pod"}


def test_unknown_fields_are_kept() -> None:
    signal = told(team="blue", deep={"a": {"b": {"c": {"d": {"e": 1}}}}}, extra={"more": [1, "two"]})
    assert signal.extra["team"] == "blue"
    assert signal.extra["more"] == [1, "two"]
    assert "'e': 1" in json.dumps(signal.extra["deep"])


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_kept_can_be_stored_as_json_by_every_database(value: float) -> None:
    json.dumps(dict(told(weight=value, deep=[{"w": value}]).extra), allow_nan=False)


ODD_TEXT = st.text(st.characters(exclude_categories=()))

ODD_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text() | st.sampled_from(sorted(KNOWN | set(SYNONYMS))), ODD_VALUE, max_size=5))
def test_whatever_the_other_fields_hold_it_is_taken_or_named(extra: dict[str, Any]) -> None:
    try:
        signal = parse(body() | extra, NOW)
    except BadSignal as refused:
        assert refused.field  # noqa: PT017 - either outcome is right
        return
    stored = json.dumps(as_json(signal), allow_nan=False)
    assert parse(json.loads(stored), NOW) == signal


def test_a_clock_that_is_hours_ahead_does_not_hide_a_failure_in_the_future() -> None:
    assert parse(body(occurred_at="2027-11-22T05:00:00Z"), NOW).occurred_at <= NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T05:00:00Z", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ("2026-11-22T05:00:00", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ("2026-11-22T07:00:00+02:00", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        (" 2026-11-22T05:00:00.120Z ", datetime(2026, 11, 22, 5, 0, 0, 120_000, tzinfo=UTC)),
    ],
)
def test_a_time_is_aware_utc_whatever_zone_it_came_in(text: str, moment: datetime) -> None:
    assert parse(body(occurred_at=text), NOW + timedelta(days=1)).occurred_at == moment
