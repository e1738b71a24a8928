"""Finds the element that a person names, and builds the action that Slack sends for it.

An overflow can be named by its action_id (`more`) with a value, or by the action itself (`logs`): the option whose
value begins with that word and a colon. Only elements that are on offer can be pressed; anything else raises ValueError
with a sentence.
"""

from __future__ import annotations

import time
from typing import Any

from bot.sandbox.slack.rules import inputs

Found = tuple[dict[str, Any], dict[str, Any]]


def named(blocks: list[dict[str, Any]], action_id: str, block_id: str | None = None) -> Found:
    """The block and the element with this action_id. Raises ValueError if there is none."""
    return _matching(blocks, action_id, block_id)[0]


def action_for(
    blocks: list[dict[str, Any]], action_id: str, value: Any = None, block_id: str | None = None
) -> dict[str, Any]:
    """One entry of `actions` in a block_actions payload."""
    try:
        found = _matching(blocks, action_id, block_id)
    except ValueError:
        return _by_deed(blocks, action_id, block_id, value)
    block, element = _told_apart(found, value)
    action = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    return action | _chosen(element, value) | {"action_ts": f"{time.time():.6f}"}


def _matching(blocks: list[dict[str, Any]], action_id: str, block_id: str | None) -> list[Found]:
    everything = inputs.elements(blocks)
    found = [
        (block, element)
        for block, element in everything
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    if not found:
        there = ", ".join(element["action_id"] for _, element in everything) or "nothing"
        raise ValueError(f"there is no {action_id!r} to press; there is {there}")
    return found


def _told_apart(found: list[Found], value: Any) -> Found:
    if value is None:
        return found[0]
    values = [v for v in found if value in (v[1].get("value"), *(o["value"] for o in inputs.options(v[1])))]
    return values[0] if values else found[0]


def _by_deed(blocks: list[dict[str, Any]], word: str, block_id: str | None, value: Any) -> dict[str, Any]:
    for block, element in inputs.elements(blocks):
        if element["type"] != "overflow" or block_id not in (None, block["block_id"]):
            continue
        for row in element["options"]:
            if row["value"].startswith(f"{word}:") and value in (None, row["value"]):
                return action_for([block], element["action_id"], row["value"], block["block_id"])
    named(blocks, word, block_id)
    raise ValueError(f"there is no {word!r} to press")


def _chosen(element: dict[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    if kind == "button":
        if value is not None and value != element.get("value"):
            raise ValueError(f"the button's value is {element.get('value')!r}, not {value!r}")
        return {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    if kind == "overflow":
        if value is None:
            raise ValueError(f"say which option: {[row['value'] for row in element['options']]}")
        return {"selected_option": inputs.option(element, value)}
    chosen = inputs.value_of(element, value)
    return {name: entry for name, entry in chosen.items() if name != "type"}
