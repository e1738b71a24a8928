"""Reading a message the way a person does: its parts by name. `shown` also checks that Slack would take it."""

from __future__ import annotations

from typing import Any

from bot.core.incidents.view import View
from bot.slack.alert import message as blocks
from bot.slack.text.limits import fit
from tests.slack import strict
from tests.slack.samples import OURS


def shown(view: View) -> Any:
    message = fit(blocks.alert(view))
    assert strict.faults(message) == []
    assert strict.alive(message, OURS) == []
    assert len(message["text"]) <= 150
    assert message["text"].endswith(view.incident.name)
    return message


def kinds(message: Any) -> list[str]:
    return [block["type"] for block in message["blocks"]]


def head(message: Any) -> str:
    return str(message["blocks"][0]["text"]["text"])


def line(message: Any, kind: str) -> str:
    """The text of the first block of a kind."""
    block = next(block for block in message["blocks"] if block["type"] == kind)
    if kind == "rich_text":
        return str(block["elements"][0]["elements"][0]["text"])
    return str((block["elements"][0] if kind == "context" else block["text"])["text"])


def strip(message: Any) -> tuple[str, list[str]]:
    (attachment,) = message["attachments"]
    return attachment["color"], [(b.get("text") or b["elements"][0])["text"] for b in attachment["blocks"]]


def pressable(message: Any) -> list[str]:
    """`retry`, `acknowledge!` (green): the buttons from left to right."""
    row = next((b["elements"] for b in message["blocks"] if b["type"] == "actions"), [])
    return [e["action_id"] + ("!" if e.get("style") == "primary" else "") for e in row if e["type"] == "button"]


def menu(message: Any) -> list[str]:
    found = [e for b in message["blocks"] for e in [*b.get("elements", []), b.get("accessory") or {}] if "options" in e]
    return [option["value"] for option in found[0]["options"]] if found else []


def checked(message: Any) -> Any:
    """The message as it is sent; Slack would take it, and nothing foreign in it is alive."""
    fitted = fit(message)
    assert strict.faults(fitted) == []
    assert strict.alive(fitted, OURS) == []
    return fitted


def buttons(message: Any) -> list[tuple[str, str, str, str]]:
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return [
        (e["action_id"], e["text"]["text"], e["value"], e.get("style", "")) for row in rows for e in row["elements"]
    ]


def last(message: Any) -> str:
    return str(message["blocks"][-1]["elements"][0]["text"])
