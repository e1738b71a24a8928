"""Whether a request carries the token that is asked for. Rule: how long the answer takes says nothing about the token."""

from __future__ import annotations

import hmac


def is_bearer(header: str, token: str) -> bool:
    """Whether the Authorization header carries this token."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
