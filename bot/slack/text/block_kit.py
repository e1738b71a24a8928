"""Block Kit's elements as plain dictionaries, each in the one form that Windsock uses.

Every plain text has `"emoji": false`, so that a colon in a run id stays a colon. Text is escaped by `words` before it
gets here.
"""

from __future__ import annotations

from typing import Any, TypedDict

Block = dict[str, Any]


class Message(TypedDict):
    """The content of every post and edit. All three fields are sent, because an edit keeps the fields that it lacks."""

    text: str
    blocks: list[Block]
    attachments: list[Block]


def message(text: str, *blocks: Block | None, attachments: list[Block] | None = None) -> Message:
    """Builds a message; empty blocks are left out."""
    return Message(text=text, blocks=[block for block in blocks if block], attachments=attachments or [])


def words(text: str) -> Block:
    """Plain text."""
    return {"type": "plain_text", "text": text, "emoji": False}


def header(text: str) -> Block:
    return {"type": "header", "text": words(text)}


def mrkdwn(text: str) -> Block:
    """mrkdwn text as given: Slack doesn't turn addresses and channels in it into links."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str, accessory: Block | None = None) -> Block | None:
    """Lines of mrkdwn; None if there is no text."""
    if not text.strip():
        return None
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block | {"accessory": accessory} if accessory else block


def context(text: str) -> Block | None:
    """One grey line of mrkdwn; None if it is empty."""
    if not text.strip():
        return None
    return {"type": "context", "elements": [mrkdwn(text)]}


def preformatted(text: str) -> Block | None:
    """Lines in a fixed-width font, without any markup; None if there is no text."""
    if not text.strip():
        return None
    inner = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [inner]}


def divider() -> Block:
    return {"type": "divider"}


def button(action_id: str, label: str, value: str, *, style: str = "", spoken: str = "") -> Block:
    """A button; `spoken` is its label for screen readers and says what the press affects."""
    block: Block = {"type": "button", "action_id": action_id, "text": words(label), "value": value}
    if style:
        block["style"] = style
    if spoken:
        block["accessibility_label"] = spoken
    return block


def option(label: str, value: str, description: str = "") -> Block:
    block: Block = {"text": words(label), "value": value}
    return block | {"description": words(description)} if description else block


def menu(options: list[tuple[str, str]]) -> Block | None:
    """The ⋯ menu of a message: (label, value) pairs, at most five."""
    if not options:
        return None
    return {"type": "overflow", "action_id": "more", "options": [option(*pair) for pair in options[:5]]}


def actions(block_id: str, *elements: Block | None) -> Block | None:
    shown = [element for element in elements if element]
    return {"type": "actions", "block_id": block_id, "elements": shown} if shown else None


def strip(colour: str, text: str, fallback: str, note: str = "") -> list[Block]:
    """The only attachment: a coloured bar, one line, and a grey line for a note."""
    blocks = [block for block in (section(text), context(note)) if block]
    return [{"color": colour, "fallback": fallback, "blocks": blocks}]


def modal(callback_id: str, title: str, blocks: list[Block | None], *, about: str = "", submit: str = "") -> Block:
    """A modal; `about` is its private metadata. Without `submit` it only shows its blocks."""
    view: Block = {"type": "modal", "callback_id": callback_id, "private_metadata": about, "title": words(title)}
    if submit:
        view["submit"] = words(submit)
    view["close"] = words("Cancel" if submit else "Close")
    return view | {"blocks": [block for block in blocks if block]}


def question(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """One input of a modal; its block and its element have the same name."""
    block: Block = {"type": "input", "block_id": name, "label": words(label), "element": element | {"action_id": name}}
    if hint:
        block["hint"] = words(hint)
    return block | {"optional": True} if optional else block
