"""Recognises repeats of events from services that deliver at least once."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.tables import heard

REMEMBERED = timedelta(days=1)


def first_time(t: Connection, now: datetime, *event: str) -> bool:
    """Whether the event, identified by these parts, was not received within a day. Call it in the transaction that acts
    on the event."""
    t.execute(delete(heard).where(heard.c.at < now - REMEMBERED))
    digest = blake2b("\0".join(event).encode("utf-8", "replace"), digest_size=16).hexdigest()
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    new = dialect.insert(heard).values(event=digest, at=now).on_conflict_do_nothing().returning(heard.c.event)
    return t.scalar(new) is not None
