"""Bearer tokens: who may send signals for which deployment, and who may read incidents.

How long a comparison takes says nothing about the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SHORTEST = 20  # characters; a shorter token can be guessed by a patient stranger


@dataclass(frozen=True, slots=True)
class Tokens:
    """`every` sends for every deployment, `one` for the deployment that it is listed under, `read` reads incidents. Each kind
    may hold several values, all of them valid, while one is rotated."""

    every: tuple[str, ...] = ()
    one: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: tuple[str, ...] = ()

    @property
    def are_asked_for(self) -> bool:
        return bool(self.every or self.read or any(self.one.values()))

    def sends_for(self, header: str) -> frozenset[str] | None:
        """The deployments for which this Authorization header sends; None for every deployment, an empty set for none."""
        if not self.are_asked_for or is_bearer(header, self.every):
            return None
        return frozenset(name for name, tokens in self.one.items() if is_bearer(header, tokens))

    def reads(self, header: str) -> bool:
        """Whether this header reads incidents: with the reading token, or with the senders' while there is no other."""
        return not self.are_asked_for or is_bearer(header, self.read or self.every)


def split(value: str) -> tuple[str, ...]:
    """The tokens in a setting: one, or several with commas between them."""
    return tuple(token for token in (one.strip() for one in value.split(",")) if token)


def is_bearer(header: str, tokens: Iterable[str]) -> bool:
    """Whether the Authorization header carries one of these tokens."""
    scheme, _, given = header.partition(" ")
    sent = given.strip().encode("utf-8", "replace")
    return scheme.lower() == "bearer" and any([hmac.compare_digest(sent, token.encode()) for token in tokens])
