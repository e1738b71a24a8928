"""The answer to `audit`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.core.audit import Line
from bot.slack.text.block_kit import Block, Message, context, message, section
from bot.slack.text.words import at, code, count, foreign, joined, link


def lines_of(found: Sequence[Line], now: datetime, *, more: bool, mine: bool) -> Message:
    """The audit's lines, newest first."""
    whose = "what you did" if mine else "the newest first"
    if not found:
        return message("The audit has no such line", section("The audit has no such line."), context(whose))
    rows = [_row(one, now) for one in found]
    fuller = "older ones: `python -m bot audit --json`" if more else ""
    return message(f"Audit: {count(len(found), 'line')}", *_sections(rows), context(joined(whose, fuller)))


def _sections(rows: Sequence[str]) -> list[Block | None]:
    return [section("\n".join(rows[start : start + 5])) for start in range(0, len(rows), 5)]


def _row(one: Line, now: datetime) -> str:
    sign = "•" if one.allowed else "🔒"
    who = foreign(one.who, 40) + (f" with {foreign(one.second, 40)}" if one.second else "")
    what = f"{foreign(one.verb, 40)} {code(one.argument, 80)}".strip()
    ended = foreign(one.outcome, 120)
    flags = joined("🚨 broken glass" if one.break_glass else "", foreign(one.deployment, 40), _opened(one.link))
    return f"{sign} {at(one.at, now)} *{who}* {what}: {ended}" + (f" · {flags}" if flags else "")


def _opened(url: str) -> str:
    return link(url, "message") if url.startswith("http") else ""
