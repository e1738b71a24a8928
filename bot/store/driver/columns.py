"""Column types that SQLite and PostgreSQL store alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Integer,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB

from bot.store.driver.encoding import EPOCH, stored_moment


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else stored_moment(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else EPOCH + timedelta(microseconds=value)


JSON_TEXT = JSON().with_variant(JSONB(), "postgresql")

ID = BigInteger().with_variant(Integer(), "sqlite")
