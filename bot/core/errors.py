"""The only exceptions that an edge raises, and the value for a request that is refused.

They are `Temporary` (with `Crossed` and `Paced`), `Permanent` and the value `Refused`. A call that may have acted
before it failed raises `Temporary(acted=None)`: read the result back before trying again. Each edge maps its errors in
one table and raises nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.roles import Role


class Temporary(Exception):
    """Worth another try. `retry_after` is in seconds if the other side named it. `acted` is False if it is certain that
    nothing was changed, True if the call did take effect, None if that is not known."""

    def __init__(self, message: str, retry_after: float | None = None, *, acted: bool | None = False) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.acted = acted


class Crossed(Temporary):
    """Lost a race with another writer; retry."""


class Paced(Temporary):
    """Not yet, because of our own limit, which is kept so that the other side never has to refuse. No call was made."""


class Permanent(Exception):
    """Trying again will not help. `code` is the other side's error code (`channel_not_found`, `403`)."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Refused:
    """A person's request that will not be carried out. `reason` is a sentence for them, `next` the command that helps.
    `missing` is the role that they lack, None if no role would help, and `who` the ids that have it."""

    reason: str
    next: str = ""
    missing: Role | None = None
    who: tuple[str, ...] = field(default=(), compare=False)
