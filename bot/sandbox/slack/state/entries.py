"""What people have put into the inputs of a view or a message, and what the app offered them there.

Hard case: an app that updates a view while a person fills it in. What stands in an input stays, as long as its block and its
element keep their names, exactly as in Slack's client. Rule: a person sees this alone; the app learns of it with the next press
or submission.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bot.sandbox.slack.rules import inputs

KEPT = 200
Blocks = list[dict[str, Any]]


class Entries:
    """By the view's id or the message's ts."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, inputs.State] = OrderedDict()
        self._offers: OrderedDict[str, dict[str, Blocks]] = OrderedDict()

    def offered(self, name: str, blocks: Blocks) -> Blocks:
        """The blocks, with what was offered in their external selects."""
        return inputs.with_offers(blocks, self._offers.get(name, {}))

    def offer(self, name: str, place: str, answer: dict[str, Any]) -> None:
        """What the app answered to a suggestion."""
        rows = [
            *answer.get("options", []),
            *(row for group in answer.get("option_groups", []) for row in group["options"]),
        ]
        known = self._offers.setdefault(name, {}).setdefault(place, [])
        known += [row for row in rows if row not in known]
        _forget_old(self._offers)

    def after(
        self, name: str, blocks: Blocks, given: dict[str, Any], action: dict[str, Any] | None = None
    ) -> inputs.State:
        """The state with what is given now on top of what was there. ValueError for what cannot be."""
        held = self._held.get(name, {})
        if action is not None and action["type"] in inputs.FIELD:
            block = next(block for block in blocks if block["block_id"] == action["block_id"])
            if not inputs.tells_at_once(block):
                raise ValueError(
                    f"{action['action_id']!r} tells the app nothing until it is submitted: no dispatch_action"
                )
            field = inputs.FIELD[action["type"]]
            entry = {"type": action["type"], field: action.get(field)}
            mine = {action["block_id"]: {**held.get(action["block_id"], {}), action["action_id"]: entry}}
            held = held | mine
        state = inputs.filled(blocks, given, held)
        self._held[name] = state
        _forget_old(self._held)
        return state


def _forget_old(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > KEPT:
        kept.popitem(last=False)
