"""The four roles."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Lowest first; each role may do all that the ones before it may."""

    viewer = 0
    responder = 1
    operator = 2
    admin = 3

    def __str__(self) -> str:
        return self.name
