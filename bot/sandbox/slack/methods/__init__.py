"""The methods of the Web API, one module per family; each lists its own in `METHODS`."""

from __future__ import annotations

from bot.sandbox.slack.call import Method
from bot.sandbox.slack.methods import account, chat, conversations, files, marks, users, views

FAMILIES = (account, chat, conversations, files, marks, users, views)
METHODS: dict[str, Method] = {method.name: method for family in FAMILIES for method in family.METHODS}
