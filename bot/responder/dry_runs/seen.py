"""What a dry run found."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.action import Change


@dataclass(frozen=True, slots=True)
class Seen:
    """The list, and sentences that a person should read before they confirm it."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
