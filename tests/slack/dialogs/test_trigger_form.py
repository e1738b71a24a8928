"""The trigger window: each param as what its schema says, and what is filled in becomes the conf."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.airflow.protocol import Dag
from bot.core.airflow.variables import Param
from bot.slack.dialogs import trigger_form
from bot.slack.text.block_kit import modal
from bot.slack.text.limits import fit_view
from tests.slack import strict
from tests.slack.test_hostile import HOSTILE

KEY = "k"


def dag(**schemas: tuple[Any, dict[str, Any]]) -> Dag:
    return Dag("sales", False, params={name: Param(name, value, schema) for name, (value, schema) in schemas.items()})


def window(of: Dag) -> Any:
    view = fit_view(modal("choose", "Trigger", trigger_form.questions(of, KEY), submit="Preview"))
    assert strict.view_faults(view) == []
    return view


def element(value: Any, **schema: Any) -> dict[str, Any]:
    return dict(window(dag(one=(value, schema)))["blocks"][0]["element"])


def block_of(of: Dag, name: str) -> str:
    return next(b["block_id"] for b in window(of)["blocks"] if b["type"] == "input" and b["label"]["text"] == name)


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("eu", {"type": "string"}, {"type": "plain_text_input", "initial_value": "eu"}),
        ("eu", {"type": ["string", "null"], "maxLength": 5}, {"type": "plain_text_input", "max_length": 5}),
        (3, {"type": "integer", "minimum": 1, "maximum": 9},
         {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9", "initial_value": "3"}),
        (0.5, {"type": "number"}, {"type": "number_input", "is_decimal_allowed": True, "initial_value": "0.5"}),
        ("2026-11-22", {"type": "string", "format": "date"}, {"type": "datepicker", "initial_date": "2026-11-22"}),
        ("{{ ds }}", {"type": "string", "format": "date"}, {"type": "datepicker"}),
        ("2026-11-22T05:00:00+00:00", {"type": "string", "format": "date-time"},
         {"type": "datetimepicker", "initial_date_time": 1795323600}),
        ("05:30:00", {"type": "string", "format": "time"}, {"type": "timepicker", "initial_time": "05:30"}),
        (["a"], {"type": "array"}, {"type": "plain_text_input", "multiline": True, "initial_value": '["a"]'}),
        ({"a": 1}, {}, {"type": "plain_text_input", "multiline": True, "initial_value": '{"a": 1}'}),
        (None, {"type": ["null", "object"]}, {"type": "plain_text_input", "multiline": True}),
    ],
)  # fmt: skip
def test_a_param_is_asked_for_as_what_it_is(value: Any, schema: dict[str, Any], expected: dict[str, Any]) -> None:
    made = element(value, **schema)
    assert {name: made.get(name) for name in expected} == expected


def test_an_enum_keeps_its_values_whatever_they_are() -> None:
    of = dag(size=(2, {"enum": [1, 2, "many"]}))
    made = window(of)["blocks"][0]["element"]
    assert [row["text"]["text"] for row in made["options"]] == ["1", "2", "many"]
    assert made["initial_option"]["text"]["text"] == "2"
    for place, value in enumerate((1, 2, "many")):
        conf, wrong = trigger_form.read(of, KEY, {block_of(of, "size"): {"selected_option": {"value": str(place)}}})
        assert (conf, wrong) == ({"size": value}, {})


def test_flags_are_one_question_and_an_unticked_one_is_false() -> None:
    of = dag(full=(True, {"type": "boolean"}), dry=(False, {"type": "boolean"}))
    made = window(of)["blocks"][0]["element"]
    assert [row["text"]["text"] for row in made["initial_options"]] == ["full"]
    conf, _ = trigger_form.read(of, KEY, {"flags-k": {"selected_options": [made["options"][1]]}})
    assert conf == {"full": False, "dry": True}


@pytest.mark.parametrize(
    ("schema", "text", "sentence"),
    [
        ({"type": "integer"}, "1.5", "This must be a whole number."),
        ({"type": "number"}, "NaN", "NaN isn't a valid number."),
        ({"type": "array"}, '{"a": 1}', "This must be a JSON list, […]."),
        ({"type": "object"}, "{a}", "This isn't valid JSON"),
        ({"type": "integer", "maximum": 3}, "9", "3"),
        ({"type": "string", "minLength": 3}, "a", "3"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(schema: dict[str, Any], text: str, sentence: str) -> None:
    of = dag(one=(None, schema))
    name = block_of(of, "one")
    conf, wrong = trigger_form.read(of, KEY, {name: {"value": text}})
    assert sentence in wrong[name], (conf, wrong)


def test_more_conf_wins_and_an_empty_field_is_left_to_airflow() -> None:
    of = dag(region=("eu", {"type": "string"}), day=("", {"type": "string", "format": "date"}))
    values = {block_of(of, "region"): {"value": "us"}, block_of(of, "day"): {"selected_date": None},
              "conf-k": {"value": '{"region": "asia", "x": [1]}'}}  # fmt: skip
    assert trigger_form.read(of, KEY, values) == ({"region": "asia", "x": [1]}, {})
    assert trigger_form.read(of, KEY, {"conf-k": {"value": "[1]"}})[1] == {"conf-k": "This must be a JSON object, {…}."}


def test_a_default_that_is_a_secret_is_not_shown() -> None:
    assert "initial_value" not in element("postgresql://bot:hunter2secret@db/prod", type="string")


def test_a_dag_of_fifty_params_asks_for_twenty_and_names_the_rest() -> None:
    of = dag(**{f"param_{n}": (n, {"type": "integer"}) for n in range(50)})
    view = window(of)
    assert sum(block["type"] == "input" for block in view["blocks"]) == trigger_form.MOST + 1
    assert "In the JSON only: `param_20`" in view["blocks"][-1]["elements"][0]["text"]


def test_a_run_that_will_wait_says_why() -> None:
    assert "is paused" in trigger_form.warning(Dag("sales", True), 0)
    assert trigger_form.warning(Dag("s", False, max_active_runs=2), 2).startswith(
        "⚠️ *2 runs are running* and the limit is 2"
    )
    assert trigger_form.warning(Dag("s", False, max_active_runs=2), 1) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | HOSTILE, lambda x: st.lists(x, max_size=3)
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "odd"])
FORMATS = st.none() | st.sampled_from(["date", "time", "date-time", "multiline"])


@settings(max_examples=150, deadline=None)
@given(HOSTILE, JSON, st.lists(TYPES, max_size=2), FORMATS, st.none() | st.lists(JSON, max_size=5), HOSTILE)
def test_no_window_is_broken_by_what_a_dags_author_wrote(
    name: str, value: Any, types: list[str], form: str | None, enum: Any, description: str
) -> None:
    schema = {"type": types, "format": form, "enum": enum, "minimum": value, "maximum": value, "maxLength": value}
    view = window(Dag("d", False, params={name: Param(name, value, schema, description)}))
    assert strict.alive({"text": "", "blocks": view["blocks"]}, ()) == []
