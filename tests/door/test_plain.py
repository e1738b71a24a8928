"""Plain signals: both roads mean the same by them. What is said on the wire is in `test_wire`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.wire import BadSignal, parse
from bot.door.plain import LIMIT, plain
from bot.store.signals import letter
from tests.given import NOW, body

# As the plugin sends it.
SENT = body(
    map_index=3, max_tries=2, state="failed", source="listener", owner="data-eng", operator="PythonOperator", pool="default",
    queue="default", hostname="worker-1", log_url="https://airflow/log", tags=["critical", "sales"], pid=77,
    logical_date="2026-11-22T05:00:00+00:00", start_date="2026-11-22T05:00:00+00:00", end_date="2026-11-22T05:00:40+00:00",
    exception={"type": "ValueError", "message": "row 17 is bad", "traceback": 'Traceback:\n  File "x.py", line 3, in load\n'},
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(["", " ", "load", "ünï", "\u202a", "\x00", "\ud800", "\n", "x" * 501]), st.text(max_size=5)
)
VALUE = st.one_of(TEXT, st.none(), st.integers(-3, 2**33), st.floats(), st.booleans(), st.lists(TEXT, max_size=2))
NUMBER = st.one_of(st.integers(-2, 40), st.none())
FAULT = st.one_of(
    st.fixed_dictionaries({"type": TEXT}, optional={"message": TEXT, "traceback": TEXT, "odd": TEXT}), st.none(), VALUE
)
# Of their own kind mostly, so that many are plain.
RIGHT = {name: NUMBER for name in ("map_index", "try_number", "max_tries", "pid")} | {
    "tags": st.lists(TEXT, max_size=2), "kind": st.sampled_from(["task_failed", "task_retrying", "task_succeeded"])}  # fmt: skip
NAMES = st.one_of(st.sampled_from(["load", "ünï", "x" * 500]), st.text("aé-./ ", min_size=1, max_size=9), TEXT)
CHANGES = st.one_of(
    st.fixed_dictionaries(
        {}, optional={name: RIGHT.get(name, NAMES) for name in SENT if name not in {"v", "occurred_at"}}
    ),
    st.dictionaries(st.sampled_from([*SENT, "filename", "unknown", "extra"]), VALUE, max_size=2),
)
SOON = st.sampled_from(["2026-11-22T05:00:00Z", "2026-11-22T05:00:00+05:00", "2026-11-22"])
WHEN = st.one_of(
    SOON, SOON, st.sampled_from([" 2026-11-22", "0001-01-01T00:00:00+05:00", "soon", "9999-12-31T23:59:59-05:00"])
)


def test_what_the_plugin_sends_of_a_task_is_plain() -> None:
    for kind in ("task_failed", "task_retrying", "task_succeeded"):
        assert plain(json.dumps(SENT | {"kind": kind}).encode()) is not None


@given(CHANGES, FAULT, WHEN)
@example({"try_number": 7}, None, "2026-11-22T05:00:00Z")
@example({"map_index": None, "try_number": None}, {"type": "E"}, "2026-11-22")
def test_what_is_plain_is_taken_under_the_same_identity_by_the_other_road(
    changes: dict[str, Any], fault: Any, when: str
) -> None:
    sent = json.dumps(SENT | {"occurred_at": when} | changes | {"exception": fault}).encode()
    taken = plain(sent)
    if taken is None:
        return
    signal = parse(json.loads(sent), NOW)
    other = letter(signal)
    assert (taken.identity, taken.opposites, taken.kind, taken.deployment, taken.bare, taken.why) == (
        other.identity, other.opposites, other.kind, other.deployment, other.bare, other.why)  # fmt: skip
    assert parse(json.loads(taken.body), NOW) == signal


@pytest.mark.parametrize("changed", [
    {"kind": "run_failed"}, {"unknown": 1}, {"v": 2}, {"try_number": -1}, {"task_id": "a\nb"}, {"dag_id": " "},
    {"occurred_at": "soon"}, {"exception": "it broke"}, {"exception": {"message": "no type"}}, {"owner": 5},
    {"exception": {"type": "E", "message": "x" * LIMIT}}, {"exception": {"type": "E", "message": "a\x00b"}},
])  # fmt: skip
def test_what_is_odd_is_for_the_other_road(changed: dict[str, Any]) -> None:
    assert plain(json.dumps(SENT | changed).encode()) is None


@given(st.binary(max_size=40), st.integers(0, 200))
def test_whatever_is_sent_the_short_road_does_not_fall(odd: bytes, place: int) -> None:
    sent = json.dumps(SENT).encode()
    broken = sent[:place] + odd + sent[place:]
    if plain(broken) is not None:
        try:
            parse(json.loads(broken), NOW)
        except BadSignal as error:
            pytest.fail(f"{broken!r} was taken: {error}")
