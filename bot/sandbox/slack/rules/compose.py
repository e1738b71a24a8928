"""A message's content: `text`, `blocks`, `attachments`, `metadata` taken from an app's arguments and checked.

Arguments may be JSON inside a form, where `blocks` is a string. A message is checked completely before anything is
stored, by one function for posts, edits and answers.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.rules import limits
from bot.sandbox.slack.rules.errors import SlackError, invalid


@dataclass
class Content:
    """A message's content. None means that the app did not send the field."""

    text: str | None
    blocks: list[dict[str, Any]] | None
    attachments: list[dict[str, Any]] | None
    metadata: dict[str, Any] | None

    def changes(self) -> dict[str, Any]:
        """The changes of an edit: text without blocks removes the blocks; attachments that are not sent stay, as in
        Slack."""
        told = {"attachments": self.attachments, "metadata": self.metadata}
        changed: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        if self.text is not None or self.blocks is not None:
            changed |= {"text": self.text or "", "blocks": self.blocks or []}
        return changed


def content(arguments: dict[str, Any]) -> Content:
    """Raises SlackError: no_text, msg_too_long, invalid_blocks, msg_blocks_too_long, invalid_attachments, or one about
    their formats or the metadata."""
    made = Content(
        text=arguments.get("text"),
        blocks=structure(arguments, "blocks", list, "invalid_blocks_format"),
        attachments=structure(arguments, "attachments", list, "invalid_attachments"),
        metadata=structure(arguments, "metadata", dict, "invalid_metadata_format"),
    )
    _check_text(made)
    _check_parts(made)
    _check_metadata(made.metadata)
    _name_blocks(made)
    return made


def structure(arguments: dict[str, Any], name: str, kind: type, code: str) -> Any:
    """An argument that is JSON, decoded or as a string; a copy, so that it isn't shared."""
    value = arguments.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError:
            raise SlackError(code) from None
    if value is not None and not isinstance(value, kind):
        raise SlackError(code)
    return copy.deepcopy(value)


def _check_text(made: Content) -> None:
    if made.text is not None and not isinstance(made.text, str):
        raise SlackError("invalid_arguments")
    if not made.text and not made.blocks and made.attachments is None:
        raise SlackError("no_text")
    if not made.text and not made.blocks and not made.attachments:
        raise SlackError("no_text")
    if made.text and len(made.text) > limits.TEXT:
        raise SlackError("msg_too_long")


def _check_parts(made: Content) -> None:
    if made.blocks is not None and (faults := limits.blocks_faults(made.blocks)):
        raise invalid("invalid_blocks", faults)
    if made.attachments is not None and (faults := limits.attachments_faults(made.attachments)):
        raise invalid("invalid_attachments", faults)
    if limits.text_length([made.blocks, made.attachments]) > limits.BLOCKS_TEXT:
        raise SlackError("msg_blocks_too_long")


def _check_metadata(metadata: dict[str, Any] | None) -> None:
    if metadata is None:
        return
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if limits.too_large(metadata, limits.METADATA_BYTES):
        raise SlackError("metadata_too_large")


def _name_blocks(made: Content) -> None:
    attached = [block for attachment in made.attachments or [] for block in attachment.get("blocks", [])]
    name_blocks((made.blocks or []) + attached)
    for n, attachment in enumerate(made.attachments or []):
        attachment.setdefault("id", n + 1)


def name_blocks(blocks: list[dict[str, Any]]) -> None:
    """Names what has no name, as Slack does: each block gets a block_id, each element in it an action_id."""
    for n, block in enumerate(blocks):
        block.setdefault("block_id", f"b{n + 1}")
        inner = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for k, element in enumerate(inner):
            if isinstance(element, dict) and element.get("type") in limits.ELEMENTS and element["type"] != "image":
                element.setdefault("action_id", f"{block['block_id']}-{k + 1}")
