"""A validator of what Slack accepts, written from Slack's own limits and not from the code under test, and a finder of
what would be alive in a message: mentions, links, emoji."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MOST_BLOCKS, MOST_VIEW_BLOCKS, MOST_CHARACTERS = 50, 100, 13_200
TOKEN = re.compile(r"<([^<>]*)>")
DATE = re.compile(r"!date\^\d+\^[^|]*\{time\}\|[^|]*UTC")
EMOJI = re.compile(r":(?=[a-z0-9_+'-]*[a-z])[a-z0-9_+'-]+:|:(?:\+1|-1|100|1234):", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# kind of block -> the fields that it must have and may have
BLOCKS = {
    "header": ({"text"}, set()),
    "section": ({"text"}, {"accessory"}),
    "context": ({"elements"}, set()),
    "rich_text": ({"elements"}, set()),
    "actions": ({"elements"}, set()),
    "divider": (set(), set()),
    "input": ({"label", "element"}, {"hint", "optional"}),
}


def faults(message: Any) -> list[str]:
    """What Slack would say against a message; empty when it would take it."""
    if set(message) != {"text", "blocks", "attachments"}:
        return [f"a message has text, blocks and attachments, not {sorted(message)}"]
    found = list(_length("text", message["text"], 4_000)) + list(_block_list(message["blocks"], MOST_BLOCKS))
    for attachment in message["attachments"]:
        if not re.fullmatch(r"#[0-9A-F]{6}", attachment["color"]):
            found.append(f"colour {attachment['color']}")
        found += _block_list(attachment["blocks"], MOST_BLOCKS)
    total = sum(len(text) for text in texts([message["blocks"], message["attachments"]]))
    return found + ([f"{total} characters in all"] if total > MOST_CHARACTERS else [])


def view_faults(view: Any) -> list[str]:
    found = list(_block_list(view["blocks"], MOST_VIEW_BLOCKS))
    for name in ("title", "submit", "close"):
        if name in view:
            found += _plain(name, view[name], 24)
    found += _length("callback_id", view["callback_id"], 255)
    if len(view["private_metadata"]) > 3_000:
        found.append("private_metadata")
    if any(block["type"] == "input" for block in view["blocks"]) and "submit" not in view:
        found.append("a view with inputs needs submit")
    return found


def _block_list(blocks: list[Any], most: int) -> Iterator[str]:
    if not isinstance(blocks, list) or len(blocks) > most:
        yield f"{len(blocks)} blocks"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield f"twin block ids {ids}"
    for block in blocks:
        yield from _block(block)


def _block(block: Any) -> Iterator[str]:
    needs, may = BLOCKS[block["type"]]
    unknown = set(block) - needs - may - {"type", "block_id"}
    if unknown or needs - set(block):
        yield f"{block['type']}: fields {sorted(block)}"
        return
    match block["type"]:
        case "header":
            yield from _plain("header", block["text"], 150)
        case "section":
            yield from _mrkdwn("section", block["text"], 3_000)
            if "accessory" in block:
                yield from _element(block["accessory"])
        case "context":
            if not 1 <= len(block["elements"]) <= 10:
                yield "context: elements"
            for text in block["elements"]:
                yield from _mrkdwn("context", text, 2_000)
        case "rich_text":
            yield from _rich(block)
        case "actions":
            yield from _actions(block)
        case "input":
            yield from _plain("label", block["label"], 2_000)
            yield from _element(block["element"])


def _rich(block: Any) -> Iterator[str]:
    for part in block["elements"]:
        if part["type"] != "rich_text_preformatted" or not part["elements"]:
            yield f"rich_text: {part['type']}"
        for leaf in part["elements"]:
            yield from _length("preformatted", leaf["text"], 3_000)


def _actions(block: Any) -> Iterator[str]:
    ids = [element["action_id"] for element in block["elements"]]
    if not 1 <= len(ids) <= 25 or len(set(ids)) != len(ids):
        yield f"actions: {ids}"
    for element in block["elements"]:
        yield from _element(element)


def _element(element: Any) -> Iterator[str]:
    yield from _length("action_id", element["action_id"], 255)
    if element["type"] == "button":
        yield from _plain("button", element["text"], 75)
        yield from _length("value", element["value"], 2_000)
        if element.get("style", "primary") not in {"primary", "danger"}:
            yield f"style {element['style']}"
        if "accessibility_label" in element:
            yield from _length("accessibility_label", element["accessibility_label"], 75)
    if "options" in element:
        most = {"overflow": 5, "radio_buttons": 10}.get(element["type"], 100)
        if not 1 <= len(element["options"]) <= most:
            yield f"{element['type']}: {len(element['options'])} options"
        for option in element["options"]:
            yield from _option(option)
        if element.get("initial_option", element["options"][0]) not in element["options"]:
            yield "initial_option is none of the options"


def _option(option: Any) -> Iterator[str]:
    yield from _plain("option", option["text"], 75)
    yield from _length("option value", option["value"], 150)
    if "description" in option:
        yield from _plain("description", option["description"], 75)


def _plain(where: str, text: Any, most: int) -> Iterator[str]:
    if text.get("type") != "plain_text" or text.get("emoji") is not False:
        yield f"{where}: {text}"
    yield from _length(where, text["text"], most)


def _mrkdwn(where: str, text: Any, most: int) -> Iterator[str]:
    if text.get("type") != "mrkdwn":
        yield f"{where}: {text}"
    yield from _length(where, text["text"], most)


def _length(where: str, text: str, most: int) -> Iterator[str]:
    if not text.strip() or len(text) > most:
        yield f"{where}: {len(text)} characters"
    if CONTROL.search(text):
        yield f"{where}: control characters in {text[:80]!r}"


def texts(value: Any) -> Iterator[str]:
    """Every text of the blocks."""
    for kind, text in _typed_texts(value):
        if kind != "value":
            yield text


def mrkdwn(message: Any) -> Iterator[str]:
    """Every text in which Slack reads markup, `text` and the fallbacks too."""
    yield message.get("text", "") if isinstance(message.get("text"), str) else ""
    for attachment in message.get("attachments", []):
        yield attachment["fallback"]
    for kind, text in _typed_texts([message["blocks"], *(a["blocks"] for a in message.get("attachments", []))]):
        if kind == "mrkdwn":
            yield text


def _typed_texts(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _typed_texts(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value.get("type", ""), value["text"]
        for item in value.values():
            yield from _typed_texts(item)


def alive(message: Any, ours: tuple[str, ...] = ()) -> list[str]:
    """What would be a mention, a link, an emoji or half an entity, and is none of `ours` (the starts of tokens that the
    message may hold) nor one of our times."""
    found: list[str] = []
    for text in mrkdwn(message):
        bare = text
        for token in TOKEN.findall(text):
            bare = bare.replace(f"<{token}>", "")
            if not DATE.fullmatch(token) and not any(token.startswith(start) for start in ours):
                found.append(f"<{token}>")
        found += [f"a lone sign in {text[:120]!r}"] if re.search(r"[<>]", bare) else []
        found += [f"half an entity in {text[:120]!r}"] if re.search(r"&(?!amp;|lt;|gt;)", bare) else []
        outside = re.sub(r"`[^`]*`", "", bare)
        found += [f"an emoji {sign}" for sign in EMOJI.findall(outside)]
        found += [f"an address in {outside[:120]!r}"] if "://" in outside else []
    return found
