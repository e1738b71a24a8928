"""Bearer tokens: who may send signals for which deployment, and who may read incidents.

Tokens are compared in constant time.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SHORTEST = 20  # characters; a patient attacker can guess a shorter token


@dataclass(frozen=True, slots=True)
class Tokens:
    """`every` may send for every deployment, `one` for the deployment that it is listed under, and `read` may read
    incidents. Each kind may hold several values, all of them valid, during a rotation."""

    every: tuple[str, ...] = ()
    one: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: tuple[str, ...] = ()

    @property
    def are_asked_for(self) -> bool:
        return bool(self.every or self.read or any(self.one.values()))

    def sends_for(self, header: str) -> frozenset[str] | None:
        """The deployments for which this Authorization header may send: None for all, an empty set for none."""
        if not self.are_asked_for or is_bearer(header, self.every):
            return None
        return frozenset(name for name, tokens in self.one.items() if is_bearer(header, tokens))

    def reads(self, header: str) -> bool:
        """Whether this header may read incidents: with the reading token, or with an `every` token if none is set."""
        return not self.are_asked_for or is_bearer(header, self.read or self.every)


def split(value: str) -> tuple[str, ...]:
    """The tokens in a setting, separated by commas."""
    return tuple(token for token in (one.strip() for one in value.split(",")) if token)


def is_bearer(header: str, tokens: Iterable[str]) -> bool:
    """Whether the Authorization header carries one of these tokens."""
    scheme, _, given = header.partition(" ")
    sent = given.strip().encode("utf-8", "replace")
    return scheme.lower() == "bearer" and any([hmac.compare_digest(sent, token.encode()) for token in tokens])
