"""Slack's limits, enforced in one place: `fit` makes any message acceptable to Slack.

An entity (`&amp;`) or a token (`<!date^…>`) is kept or removed as a whole. An identifying value is never shortened,
because it would identify something else; its button or option is dropped instead. Headline and footer stay, and no text
is empty.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from bot.slack.text.block_kit import Block, Message
from bot.slack.text.block_kit import context as grey
from bot.slack.text.words import cut, lifeless

TEXT = 4_000  # beyond it Slack splits a message
TOTAL = 12_000  # of all texts in the blocks; Slack refuses about 13,200
BLOCKS, VIEW_BLOCKS, ELEMENTS, OVERFLOW, CHOICES, OPTIONS, FIELDS = 50, 100, 25, 5, 10, 100, 10
SHORT = 60  # texts are not cut below this length to make room
ID, VALUE, OPTION_VALUE, URL = 255, 2_000, 150, 3_000
# The most characters of a text, by its place.
TEXTS = {
    "header": 150, "section": 3_000, "context": 2_000, "fields": 2_000, "rich_text": 3_000, "button": 75, "option": 75,
    "description": 75, "label": 2_000, "hint": 2_000, "placeholder": 150, "alt_text": 2_000, "accessibility_label": 75,
    "title": 24, "submit": 24, "close": 24, "fallback": 3_000,
}  # fmt: skip


def fit(message: Message) -> Message:
    """The message within Slack's limits; unchanged if it fits already."""
    attachments = [attachment for given in message["attachments"] if (attachment := _fit_attachment(given))]
    beside = sum(len(attachment["blocks"]) for attachment in attachments)
    blocks = _fewer([block for given in message["blocks"] if (block := _fit_block(given))], BLOCKS - beside)
    fitted = Message(
        text=cut_markup(lifeless(message["text"]), TEXT).strip() or "Windsock",
        blocks=blocks,
        attachments=attachments,
    )
    _shorten(fitted)
    return fitted


def fit_view(view: Block) -> Block:
    """A modal or App Home within Slack's limits."""
    fitted = dict(view)
    for name in ("title", "submit", "close"):
        if name in fitted:
            fitted[name] = _fit_text(fitted[name], TEXTS[name])
    blocks = [block for given in view["blocks"] if (block := _fit_block(given))]
    return fitted | {"blocks": _fewer(blocks, VIEW_BLOCKS)}


def cut_markup(text: str, limit: int) -> str:
    """mrkdwn of at most `limit` characters; no entity, `<…>` token or code span is cut in half."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 2]
    if kept.rfind("<") > kept.rfind(">"):
        kept = kept[: kept.rfind("<")]
    if kept.rfind("&") > kept.rfind(";"):
        kept = kept[: kept.rfind("&")]
    kept = kept.rstrip()
    return kept + ("`…" if kept.rsplit("\n", 1)[-1].count("`") % 2 else "…")


def _fit_text(text: Block, limit: int) -> Block:
    if text["type"] != "mrkdwn":
        return text | {"text": cut(text["text"], limit)}
    return text | {"text": cut_markup(lifeless(text["text"]), limit)}


def _fit_attachment(given: Block) -> Block | None:
    blocks = [block for inner in given["blocks"] if (block := _fit_block(inner))]
    fallback = cut_markup(given.get("fallback", ""), TEXTS["fallback"])
    return given | {"blocks": blocks, "fallback": fallback} if blocks else None


def _fit_block(given: Block) -> Block | None:
    """The block within its limits; None if nothing of it is left."""
    block = copy.deepcopy(given)
    if "block_id" in block:
        block["block_id"] = block["block_id"][:ID]
    ways = {"header": _fit_header, "section": _fit_section, "context": _fit_context, "actions": _fit_actions,
            "rich_text": _fit_rich_text, "input": _fit_input}  # fmt: skip
    way = ways.get(block["type"])
    return way(block) if way else block


def _fit_header(block: Block) -> Block | None:
    block["text"] = _fit_text(block["text"], TEXTS["header"])
    return block if block["text"]["text"].strip() else None


def _fit_context(block: Block) -> Block | None:
    texts = [_fit_text(text, TEXTS["context"]) for text in block["elements"] if text["text"].strip()]
    return block | {"elements": texts[:10]} if texts else None


def _fit_actions(block: Block) -> Block | None:
    elements = [element for each in block["elements"] if (element := _fit_element(each))]
    return block | {"elements": elements[:ELEMENTS]} if elements else None


def _fit_section(block: Block) -> Block | None:
    if "text" in block:
        block["text"] = _fit_text(block["text"], TEXTS["section"])
    if "fields" in block:
        block["fields"] = [_fit_text(text, TEXTS["fields"]) for text in block["fields"] if text["text"].strip()][
            :FIELDS
        ]
    if "accessory" in block and (fitted := _fit_element(block.pop("accessory"))):
        block["accessory"] = fitted
    return block if block.get("fields") or block.get("text", {}).get("text", "").strip() else None


def _fit_rich_text(block: Block) -> Block | None:
    for part in block["elements"]:
        part["elements"] = [leaf | {"text": cut(leaf["text"], TEXTS["rich_text"])} if "text" in leaf else leaf
                            for leaf in part["elements"] if leaf.get("text", "x").strip()]  # fmt: skip
    block["elements"] = [part for part in block["elements"] if part["elements"]]
    return block if block["elements"] else None


def _fit_input(block: Block) -> Block | None:
    for name in ("label", "hint"):
        if name in block:
            block[name] = _fit_text(block[name], TEXTS[name])
    element = _fit_element(block["element"])
    return block | {"element": element} if element else None


def _fit_element(element: Block) -> Block | None:
    """A button, a menu or an input; None if its value is too long, because a value is never cut."""
    if len(element.get("value", "")) > VALUE or len(element.get("url", "")) > URL:
        return None
    if "text" in element:
        element["text"] = _fit_text(element["text"], TEXTS["button"])
    if "accessibility_label" in element:
        element["accessibility_label"] = cut(element["accessibility_label"], TEXTS["accessibility_label"])
    if "placeholder" in element:
        element["placeholder"] = _fit_text(element["placeholder"], TEXTS["placeholder"])
    return _fit_options(element) if "options" in element else element


def _fit_options(element: Block) -> Block | None:
    most = {"overflow": OVERFLOW, "radio_buttons": CHOICES, "checkboxes": CHOICES}.get(element["type"], OPTIONS)
    options = [_fit_option(each) for each in element["options"] if len(each["value"]) <= OPTION_VALUE][:most]
    if not options:
        return None
    if "initial_option" in element:
        first = _fit_option(element["initial_option"])
        element["initial_option"] = first if first in options else options[0]
    return element | {"options": options}


def _fit_option(option: Block) -> Block:
    fitted = option | {"text": _fit_text(option["text"], TEXTS["option"])}
    if "description" in option:
        fitted["description"] = _fit_text(option["description"], TEXTS["description"])
    return fitted


def _fewer(blocks: list[Block], most: int) -> list[Block]:
    """At most `most` blocks: the first ones and the last two stay, and a line says how many were removed."""
    if len(blocks) <= most:
        return blocks
    gone = len(blocks) - most + 1
    note = grey(f"… {gone} more parts are not shown")
    return [*blocks[: most - 3], *([note] if note else []), *blocks[-2:]]


def _shorten(message: Message) -> None:
    """Cuts the longest text repeatedly until the sum fits; if all are short already, removes blocks from the middle."""
    leaves = [*_leaves(message["blocks"]), *_leaves(message["attachments"])]
    excess = sum(len(leaf["text"]) for leaf in leaves) - TOTAL
    while excess > 0:
        longest = max(leaves, key=lambda leaf: len(leaf["text"]))
        before = len(longest["text"])
        if before <= SHORT:
            message["blocks"] = _fewer(message["blocks"], max(4, len(message["blocks"]) // 2))
            return _shorten(message)
        target = max(SHORT, before - excess, before // 2)
        shorter = (
            cut_markup(longest["text"], target) if longest.get("type") == "mrkdwn" else cut(longest["text"], target)
        )
        longest["text"] = shorter
        excess -= before - len(shorter)
    return None


def _leaves(value: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary that has a text."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value
        for item in value.values():
            yield from _leaves(item)
