"""The only exceptions that cross the border of an edge, and the value for a user's mistake.

`Temporary` (with `Crossed` and `Paced`) · `Permanent` · `Refused`. A call that may have acted before it failed is
`Temporary(acted=None)`: read the result back before trying again. Each edge maps its errors in one table and raises
nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Temporary(Exception):
    """Worth another try. `retry_after` is in seconds when the other side named it; `acted` is False when it
    is certain that nothing was changed, None when that is not known."""

    def __init__(self, message: str, retry_after: float | None = None, *, acted: bool | None = False) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.acted = acted


class Crossed(Temporary):
    """Lost a race with another writer; retry."""


class Paced(Temporary):
    """Not yet: our own limit, kept so that the other side never has to refuse. Nothing was called."""


class Permanent(Exception):
    """Trying again will not help. `code` is the other side's own word (`channel_not_found`, `403`)."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Refused:
    """A person asked for something that will not be done; `reason` is a sentence they can read,
    `remedy` names the next step. Where a role is missing, `remedy` is the role and `who` the ids that have it."""

    reason: str
    remedy: str = ""
    who: tuple[str, ...] = field(default=(), compare=False)
