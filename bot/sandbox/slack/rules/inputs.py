"""Inputs of a view or a message: their initial values, a person's input, and Slack's `state.values`.

A plain value for a select (`"1h"`) becomes the exact option that the app offered, with its text. A value that was not
offered is refused with a sentence; what Slack's own client would refuse never reaches the app.
"""

from __future__ import annotations

import copy
from typing import Any

State = dict[str, dict[str, dict[str, Any]]]

FIELD = {
    "plain_text_input": "value",
    "number_input": "value",
    "url_text_input": "value",
    "email_text_input": "value",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
}
_PREFIX = {"value": "initial_value"}
MISSING = "Please complete this required field."


def elements(blocks: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each interactive element with its block."""
    found = []
    for block in blocks:
        inner = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        found += [(block, e) for e in inner if isinstance(e, dict) and "action_id" in e]
    return found


def initial(blocks: list[dict[str, Any]]) -> State:
    """`state.values` before any input."""
    state: State = {}
    for block, element in elements(blocks):
        if name := FIELD.get(element["type"]):
            value = element.get(_PREFIX.get(name, name.replace("selected", "initial")))
            value = [] if value is None and name.endswith("s") else value
            state.setdefault(block["block_id"], {})[element["action_id"]] = {"type": element["type"], name: value}
    return state


def filled(blocks: list[dict[str, Any]], values: dict[str, Any], held: State | None = None) -> State:
    """The state with a person's values: in Slack's own shape, or `{action_id or block_id: plain value}`; `held` is
    their earlier input. Raises ValueError with a sentence for a name or an option that does not exist."""
    state = initial(blocks)
    for block_id, entries in (held or {}).items():
        state.get(block_id, {}).update(
            {name: entry for name, entry in entries.items() if name in state.get(block_id, {})}
        )
    known: set[str] = set()
    for block, element in elements(blocks):
        if element["type"] not in FIELD:
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        known |= {block_id, action_id}
        given = _given(values, block_id, action_id)
        if given is not None:
            state[block_id][action_id] = value_of(element, given)
    if unknown := sorted(set(values) - known):
        raise ValueError(f"no input is called {unknown[0]!r}; there are {sorted(known)}")
    return state


def value_of(element: dict[str, Any], given: Any) -> dict[str, Any]:
    """One element's entry in `state.values`, for a plain value or an entry already in Slack's shape."""
    kind = element["type"]
    name = FIELD[kind]
    if isinstance(given, dict) and (name in given or "type" in given):
        return {**given, "type": kind}
    if name == "selected_option":
        return {"type": kind, name: option(element, given)}
    if name == "selected_options":
        rows = given if isinstance(given, list) else [given]
        return {"type": kind, name: [option(element, row) for row in rows]}
    return {"type": kind, name: given if name == "selected_date_time" or isinstance(given, list) else str(given)}


def option(element: dict[str, Any], given: Any) -> dict[str, Any]:
    """The offered option with this value or this text. Raises ValueError for an option that the app did not offer, also
    in an external select."""
    wanted = given.get("value") if isinstance(given, dict) else given
    offered = options(element)
    for row in offered:
        if wanted in (row["value"], row["text"]["text"]):
            return row
    raise ValueError(f"{wanted!r} is not offered; there are {[row['value'] for row in offered]}")


def with_offers(blocks: list[dict[str, Any]], offers: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A copy of the blocks with the options that the app has offered so far in each external select, by
    `block_id/action_id`."""
    known = copy.deepcopy(blocks)
    for block, element in elements(known):
        if element["type"].endswith("external_select"):
            first = [element["initial_option"]] if "initial_option" in element else []
            element["options"] = first + element.get("initial_options", []) + offers.get(place(block, element), [])
    return known


def place(block: dict[str, Any], element: dict[str, Any]) -> str:
    """The name of an element within its view or message: `block_id/action_id`."""
    return f"{block['block_id']}/{element['action_id']}"


def tells_at_once(block: dict[str, Any]) -> bool:
    """Whether a choice in this block is sent to the app before a submission."""
    return block["type"] != "input" or block.get("dispatch_action") is True


def options(element: dict[str, Any]) -> list[dict[str, Any]]:
    grouped = [row for group in element.get("option_groups", []) for row in group["options"]]
    return [*element.get("options", []), *grouped]


def faults(blocks: list[dict[str, Any]], state: State) -> dict[str, str]:
    """What Slack's client refuses before it asks the app: `{block_id: sentence}`."""
    found = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        entry = state[block["block_id"]][block["element"]["action_id"]]
        sentence = _fault(block, entry.get(FIELD[block["element"]["type"]]))
        if sentence:
            found[block["block_id"]] = sentence
    return found


def _fault(block: dict[str, Any], value: Any) -> str:
    element = block["element"]
    if value in (None, "", []):
        return "" if block.get("optional") else MISSING
    if element["type"] == "plain_text_input":
        return _length_fault(element, value)
    if element["type"] == "number_input":
        return _number_fault(element, value)
    return ""


def _length_fault(element: dict[str, Any], value: str) -> str:
    if len(value) < element.get("min_length", 0):
        return f"Use at least {element['min_length']} characters."
    most = element.get("max_length", 3000)
    return f"Use at most {most} characters." if len(value) > most else ""


def _number_fault(element: dict[str, Any], value: str) -> str:
    try:
        number = float(value) if element["is_decimal_allowed"] else int(value)
    except ValueError:
        return "Enter a number." if element["is_decimal_allowed"] else "Enter a whole number."
    if number < float(element.get("min_value", "-inf")) or number > float(element.get("max_value", "inf")):
        return f"Enter a number from {element.get('min_value', '…')} to {element.get('max_value', '…')}."
    return ""


def _given(values: dict[str, Any], block_id: str, action_id: str) -> Any:
    in_block = values.get(block_id)
    if isinstance(in_block, dict) and action_id in in_block:
        return in_block[action_id]
    if action_id in values and not isinstance(values[action_id], dict):
        return values[action_id]
    return in_block if not isinstance(in_block, dict) else None
