"""What a dry run found."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.remediation import Change


@dataclass(frozen=True, slots=True)
class Seen:
    """The list, and sentences that a person should read before they confirm it; `why_none` is why there is no line, where
    something else is to be said than what is usual."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    why_none: str = ""
