"""People's input in a view or a message, and the options that the app offered there.

An app may update a view while a person fills it in. Input is kept as long as its block and its element keep their
names, exactly as in Slack's client. Only that person sees it; the app gets it with the next press or submission.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bot.sandbox.slack.rules import inputs

KEPT = 200
Blocks = list[dict[str, Any]]


class Entries:
    """Input and offered options, by the view's id or the message's ts."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, inputs.State] = OrderedDict()
        self._offers: OrderedDict[str, dict[str, Blocks]] = OrderedDict()

    def offered(self, name: str, blocks: Blocks) -> Blocks:
        """The blocks with the options offered in their external selects."""
        return inputs.with_offers(blocks, self._offers.get(name, {}))

    def offer(self, name: str, place: str, answer: dict[str, Any]) -> None:
        """Stores the app's answer to a suggestion."""
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
        """Stores and returns the state: the earlier input with the new input applied. Raises ValueError for invalid
        input."""
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
