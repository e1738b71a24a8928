"""How keys and moments are stored, in both databases alike."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGEST = 32  # characters


def stored_moment(value: datetime) -> int:
    """Microseconds since 1970."""
    return (value - EPOCH) // timedelta(microseconds=1)


def digest(key: str) -> str:
    """The stored form of a key, because a key made of foreign names may be longer than an index allows."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:DIGEST]
