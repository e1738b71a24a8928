"""Maps a database's operational errors to the bot's."""

from __future__ import annotations

from bot.core.errors import Temporary

_FULL = ("disk is full", "no space left", "disk i/o error", "could not extend file")


def unable(error: BaseException | None) -> Temporary:
    """The Temporary error for a database that doesn't answer or can't write."""
    said = str(error).strip()
    full = any(word in said.lower() for word in _FULL)
    return Temporary(f"the store cannot write: {said}" if full else f"the store does not answer: {said}")
