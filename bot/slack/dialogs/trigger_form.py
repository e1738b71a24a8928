"""The trigger modal: a field for each param of the DAG, from its JSON Schema, and one for additional conf.

An option of an enum holds its position, because values may not be strings. A field is found by a digest of its param's
name; if the param was renamed while the modal was open, the field is left out. Input is checked field by field; checks
that only Airflow can make come back with its answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from bot.core.airflow.conf import check
from bot.core.airflow.protocol import Dag, Param
from bot.core.json_text import read_json
from bot.core.redaction import redact
from bot.slack.dialogs.picker_options import digest
from bot.slack.text.block_kit import Block, context, option, question, words
from bot.slack.text.limits import CHOICES, OPTIONS
from bot.slack.text.words import code, count, cut, cut_middle, foreign, plain, visible

PARAM = "p-"  # the prefix of a param's block id
MOST = 20  # fields; a modal could hold more, but a person couldn't fill them in
_TEXT, _ONE_LINE = 3_000, 60
_CHECKED = "Merged over the fields above. Checked before anything starts."
Entry = Mapping[str, Any]


def warning(dag: Dag, running: int) -> str:
    """A warning if a new run would wait: the DAG is paused, or at its limit of active runs; otherwise empty."""
    if dag.is_paused:
        return f"⚠️ *{foreign(dag.dag_id, 100)} is paused*: a new run waits until it is unpaused."
    most = dag.max_active_runs
    if most is not None and running >= most > 0:
        runs = f"{count(running, 'run')} {'is' if running == 1 else 'are'} running"
        return f"⚠️ *{runs}* and the limit is {most}: a new run will wait."
    return ""


def questions(dag: Dag, key: str, deployment: str = "") -> list[Block | None]:
    """The fields. `key` identifies the DAG, so that another DAG's input is not kept."""
    params = list(dag.params.values())
    flags = [param for param in params if _kind(param) == "boolean"][:CHOICES]
    fields = [param for param in params if param not in flags][:MOST]
    left = [param.name for param in params if param not in flags and param not in fields]
    asked: list[Block | None] = [_question(param, key) for param in fields]
    asked.append(_flags(flags, key) if flags else None)
    conf: Block = {"type": "plain_text_input", "multiline": True, "placeholder": words('{"source": "backup"}')}
    asked.append(question(f"conf-{key}", "More conf (JSON)", conf, hint=_CHECKED, optional=True))
    more = f"In the JSON only: {', '.join(code(name, 40) for name in left[:20])}. " if left else ""
    where = f" in {foreign(deployment, 60)}" if deployment else ""
    asked.append(context(f"{more}Starts one new run of {code(dag.dag_id, 100)}{where} as you; the channel sees it."))
    return asked


def read(dag: Dag, key: str, values: Mapping[str, Entry]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns (conf, errors by block id) for the fields that were filled in. `values` are entries by block id."""
    conf: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    ticked = _ticked(values.get(f"flags-{key}"))
    for param in dag.params.values():
        block_id = _block_id(param, key)
        if _kind(param) == "boolean" and ticked is not None:
            conf[param.name] = digest(param.name) in ticked
        elif block_id in values:
            value, said = _checked(param, *_value(param, values[block_id]))
            wrong |= {block_id: said} if said else {}
            conf |= {} if value is None else {param.name: value}
    more, said = _object(str((values.get(f"conf-{key}") or {}).get("value") or ""))
    wrong |= {f"conf-{key}": said} if said else {}
    return conf | more, wrong


def _block_id(param: Param, key: str) -> str:
    return f"{PARAM}{key}-{digest(param.name)}"


def _kind(param: Param) -> str:
    """`enum`, `date`, `date-time`, `time`, or the schema's type; without a schema, the type of the default."""
    if isinstance(param.schema.get("enum"), list) and param.schema["enum"]:
        return "enum"
    named = param.schema.get("type")
    types = [one for one in (named if isinstance(named, list) else [named]) if one not in {None, "null"}]
    kind = str(types[0]) if len(types) == 1 else _kind_of(param.value) if not types else "string"
    form = param.schema.get("format")
    return str(form) if kind == "string" and form in {"date", "date-time", "time"} else kind


def _kind_of(value: Any) -> str:
    """The kind of a param without a schema: the type of its default."""
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"))
    return next((kind for made, kind in kinds if isinstance(value, made)), "string")


def _optional(param: Param) -> bool:
    """Whether the field may stay empty: it may be null, is empty by default, or has neither a type nor a default."""
    named = param.schema.get("type")
    types = named if isinstance(named, list) else [named]
    return "null" in types or param.value == "" or (named is None and param.value is None)


def _question(param: Param, key: str) -> Block:
    label = cut(plain(param.schema.get("title") or param.name), 150) or "param"
    hint = cut(plain(param.description), 300)
    element = {k: v for k, v in _element(param).items() if v is not None}
    block = question("value", label, element, hint=hint, optional=_optional(param))
    return block | {"block_id": _block_id(param, key)}


def _element(param: Param) -> Block:
    kind, default = _kind(param), param.value
    least, most = param.schema.get("minimum"), param.schema.get("maximum")
    whole = {"array": "[…]", "object": "{…}"}
    if kind in whole:
        text = "" if default is None else json.dumps(default, ensure_ascii=False)
        text = json.dumps(default, ensure_ascii=False, indent=2) if len(text) > _ONE_LINE else text
        return {
            "type": "plain_text_input",
            "multiline": True,
            "initial_value": _fits(text),
            "placeholder": words(whole[kind]),
        }
    if kind in {"integer", "number"}:
        return {"type": "number_input", "is_decimal_allowed": kind == "number", "initial_value": _number(default),
                "min_value": _number(least), "max_value": _number(most)}  # fmt: skip
    moments: dict[str, Block] = {
        "date": {"type": "datepicker", "initial_date": _date(default)},
        "time": {"type": "timepicker", "initial_time": _time(default)},
        "date-time": {"type": "datetimepicker", "initial_date_time": _unix(default)},
    }
    return _enum(param) if kind == "enum" else moments.get(kind) or _line(param)


def _line(param: Param) -> Block:
    most = param.schema.get("maxLength")
    text = "" if param.value is None else param.value if isinstance(param.value, str) else json.dumps(param.value)
    many = param.schema.get("format") == "multiline" or "\n" in text
    return {"type": "plain_text_input", "multiline": many or None, "initial_value": _fits(text),
            "max_length": min(_TEXT, most) if isinstance(most, int) and most > 0 else None}  # fmt: skip


def _enum(param: Param) -> Block:
    given = param.schema["enum"][:OPTIONS]
    shown = param.schema.get("values_display")
    names = shown if isinstance(shown, Mapping) else {}
    rows = [
        option(cut_middle(plain(names.get(str(one), one)), 75) or "(empty)", str(place))
        for place, one in enumerate(given)
    ]
    element: Block = {"type": "static_select", "options": rows}
    return element | {"initial_option": rows[given.index(param.value)]} if param.value in given else element


def _flags(params: list[Param], key: str) -> Block:
    rows = [
        option(cut_middle(plain(param.name), 75) or "param", digest(param.name), cut(plain(param.description), 75))
        for param in params
    ]
    element: Block = {"type": "checkboxes", "options": rows}
    if on := [row for row, param in zip(rows, params, strict=True) if param.value is True]:
        element["initial_options"] = on
    return question("value", "flags", element, optional=True) | {"block_id": f"flags-{key}"}


def _ticked(entry: Entry | None) -> set[str] | None:
    return None if entry is None else {str(row.get("value")) for row in entry.get("selected_options") or ()}


def _value(param: Param, entry: Entry) -> tuple[Any, str]:
    """The input, None if there is none, and what is wrong with it."""
    kind = _kind(param)
    if kind == "enum":
        place = str((entry.get("selected_option") or {}).get("value", ""))
        given = param.schema["enum"]
        return (given[int(place)], "") if place.isdecimal() and int(place) < len(given) else (None, "")
    text = str(entry.get("selected_date") or entry.get("selected_time") or entry.get("value") or "").strip()
    if kind == "date-time":
        seconds = int(entry.get("selected_date_time") or 0)
        return (datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None), ""
    if kind == "time":
        return (f"{text}:00" if text else None), ""
    if not text:
        return None, ""
    return _parsed(kind, text) if kind in {"integer", "number", "array", "object"} else (text, "")


def _checked(param: Param, value: Any, said: str) -> tuple[Any, str]:
    """Checks a value against the param's schema, so that the error is shown at the field."""
    wrong = () if said or value is None else check({param.name: value}, {param.name: param}).wrong
    return value, said or (f"{wrong[0]}."[:300] if wrong else "")


def _parsed(kind: str, text: str) -> tuple[Any, str]:
    made = {"integer": int, "number": (int, float), "array": list, "object": dict}[kind]
    try:
        value = read_json(text, parse_constant=_no_number)
    except ValueError as error:
        return None, f"This isn't valid JSON: {error}." if kind in {
            "array",
            "object",
        } else f"{text[:40]} isn't a valid {kind}."
    if isinstance(value, bool) or not isinstance(value, made):  # type: ignore[arg-type]
        said = {"array": "a JSON list, […]", "object": "a JSON object, {…}", "integer": "a whole number"}.get(
            kind, "a number"
        )
        return None, f"This must be {said}."
    return value, ""


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} isn't a number in JSON")


def _object(text: str) -> tuple[dict[str, Any], str]:
    if not text.strip():
        return {}, ""
    value, said = _parsed("object", text)
    return (value, "") if not said else ({}, said)


def _number(value: Any) -> str | None:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _fits(text: str) -> str | None:
    """An initial value for a text field. None if it looks like a secret or has invisible characters; Airflow uses the
    default if nothing is sent."""
    return text if text and len(text) <= _TEXT and redact(text) == text == visible(text) else None


def _date(value: Any) -> str | None:
    found = _moment(value)
    return found.date().isoformat() if found else None


def _time(value: Any) -> str | None:
    try:
        return f"{time.fromisoformat(str(value)):%H:%M}"
    except ValueError:
        return None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _unix(value: Any) -> int | None:
    found = _moment(value)
    return int(found.timestamp()) if found else None
