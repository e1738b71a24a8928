"""Events from elsewhere that are delivered at least once: the second delivery is not news."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from bot.store.tables import heard

REMEMBERED = timedelta(days=1)


def first_time(t: Connection, now: datetime, *event: str) -> bool:
    """Whether an event, named by these parts, was not heard within a day. It belongs to the transaction that acts on it."""
    t.execute(delete(heard).where(heard.c.at < now - REMEMBERED))
    digest = blake2b("\0".join(event).encode("utf-8", "replace"), digest_size=16).hexdigest()
    dialect = postgresql if t.dialect.name == "postgresql" else sqlite
    new = dialect.insert(heard).values(event=digest, at=now).on_conflict_do_nothing().returning(heard.c.event)
    return t.scalar(new) is not None
