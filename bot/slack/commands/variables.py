"""`variable` and `connection`, for operators, and never with a secret.

The role is checked before Airflow is asked, so a refusal doesn't reveal whether a key exists.
"""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches

from bot.core.access import ANYWHERE, About
from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.access import authorization
from bot.responder.actions.variable import plan_variable
from bot.slack.commands.clear_mark import preview
from bot.slack.commands.grammar import Command
from bot.slack.commands.request import PATIENCE, Ask, named_place, refused
from bot.slack.replies import airflow_parts, replies
from bot.slack.text.block_kit import Message

GET, SET, TEST = "get", "set", "test"
_TYPED_VALUE = re.compile(r"\S+\s+set\s+(\"[^\"]*\"|'[^']*'|\S+)\s+(.+)", re.IGNORECASE | re.DOTALL)


def variable(ask: Ask) -> Message:
    """`variable get KEY` shows a value, masked if it looks like a secret; `variable set KEY VALUE` is previewed."""
    said = ask.words[0].lower() if ask.words else ""
    words = list(ask.words[1:] if said in {GET, SET} else ask.words)
    if said == SET:
        return _set(ask, words)
    placed = _placed(ask, "variable", words, "a key, such as `variable get batch_size`")
    if isinstance(placed, Refused):
        return refused(ask, placed, "variable")
    airflow, key = placed
    try:
        with airflow.within(PATIENCE):
            found = airflow.variable(key)
            near = [] if found else get_close_matches(key, airflow.variables(limit=1_000), 3, 0.5)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    if found is None:
        return refused(ask, _unknown(airflow, "variable", key, near), "variable")
    return airflow_parts.variable(found, airflow.name if ask.several else "")


def _set(ask: Ask, words: list[str]) -> Message:
    placed = _placed(
        ask, "variable", words if len(words) > 1 else [], "a key and a value: `variable set batch_size 500`"
    )
    if isinstance(placed, Refused):
        return refused(ask, placed, "variable")
    airflow, key = placed
    planned = plan_variable(ask.services, ask.person, airflow.name, key, _value(ask, words), ask.channel)
    return preview(replace(ask, command=Command("variable")), planned, "variable")  # `dry` may be the value


def _value(ask: Ask, words: list[str]) -> str:
    """The text after the key, as it was typed: it has no options, and spaces are kept. Quotes around all of it are
    removed."""
    found = _TYPED_VALUE.fullmatch(ask.command.text)
    if found is None or found[1].strip("\"'") != words[0]:
        return " ".join(words[1:])
    value = found[2]
    quote = value[:1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else ""
    if quote and quote not in value[1:-1]:
        value = value[1:-1]
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def connection(ask: Ask) -> Message:
    """`connection test ID` makes Airflow connect; `connection get ID` shows it without its secrets."""
    words = [word for word in ask.words if word.lower() not in {GET, TEST}]
    placed = _placed(ask, "connection", words, "an id, such as `connection test warehouse`")
    if isinstance(placed, Refused):
        return refused(ask, placed, "connection")
    airflow, conn_id = placed
    try:
        with airflow.within(PATIENCE):
            found = airflow.connection(conn_id)
            if found is None:
                near = get_close_matches(conn_id, [one.id for one in airflow.connections(limit=1_000)], 3, 0.5)
                return refused(ask, _unknown(airflow, "connection", conn_id, near), "connection")
            where = airflow.name if ask.several else ""
            if ask.words[0].lower() != TEST:
                return airflow_parts.connection(found, where)
            return airflow_parts.connection_test(conn_id, airflow.test_connection(conn_id), where)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)


def _placed(ask: Ask, verb: str, words: list[str], what: str) -> tuple[Airflow, str] | Refused:
    """The deployment and the name. The role is checked first."""
    airflow, name = named_place(ask, words[0] if words else "")
    about = About(airflow.name if airflow is not None else ANYWHERE)
    if (no := authorization.may(ask.services, ask.person, verb, name, about=about)) is not None:
        return no
    if not words:
        return Refused(f"`{verb}` needs {what}.", f"help {verb}")
    return (airflow, name) if airflow is not None else Refused("No Airflow is configured.", "status")


def _unknown(airflow: Airflow, what: str, name: str, near: list[str]) -> Refused:
    hint = f" Near it: {', '.join(f'`{one}`' for one in near)}." if near else ""
    return Refused(f"{airflow.name} has no {what} `{name[:100]}`.{hint}", f"help {what}")
