"""Version 0.1 stored input unredacted; incidents and their timelines, which people still see, are redacted."""

import json
from datetime import timedelta

import sqlalchemy as sa
from alembic import op

from bot.core.redaction import redact
from bot.core.signals.wire import as_json, parse
from bot.store.driver.encoding import EPOCH

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FAR = EPOCH + timedelta(days=40_000)  # moments were checked against the clock when they were received


def upgrade() -> None:
    connection = op.get_bind()
    if not sa.inspect(connection).has_table("incidents"):
        return
    incidents = sa.table("incidents", sa.column("id", sa.Integer), sa.column("body", sa.JSON))
    for row in connection.execute(sa.select(incidents)).all():
        body = row.body if isinstance(row.body, dict) else json.loads(row.body)
        safe = body | {"exemplar": as_json(parse(body["exemplar"], _FAR))}
        if safe != body:
            connection.execute(sa.update(incidents).where(incidents.c.id == row.id).values(body=safe))
    entries = sa.table("entries", sa.column("id", sa.Integer), sa.column("text", sa.Text))
    for row in connection.execute(sa.select(entries)).all():
        if (safe_text := redact(row.text)) != row.text:
            connection.execute(sa.update(entries).where(entries.c.id == row.id).values(text=safe_text))


def downgrade() -> None:
    """Does nothing: redaction can't be undone."""
