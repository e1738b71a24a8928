"""With SQLite, signals and their identities are in the inbox, a file of their own; what was here goes there."""

import sqlite3
from contextlib import closing

import sqlalchemy as sa
from alembic import op

from bot.store.inbox import beside, prepare

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = {
    "signals": ("id", "received_at", "kind", "deployment", "body", "again"),
    "identities": ("identity", "told_at", "bare"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    with closing(sqlite3.connect(beside(str(op.get_bind().engine.url.database)))) as inbox:
        prepare(inbox)
        inbox.execute("BEGIN IMMEDIATE")
        for table, columns in _COLUMNS.items():
            rows = op.get_bind().execute(sa.text(f"select {','.join(columns)} from main.{table}"))
            holes = ",".join("?" * len(columns))
            inbox.executemany(f"insert or ignore into {table} ({','.join(columns)}) values ({holes})", map(tuple, rows))
        inbox.execute("COMMIT")
    for table in _COLUMNS:
        op.execute(f"DROP TABLE main.{table}")


def downgrade() -> None:
    raise NotImplementedError("signals that came since would be lost; restore a copy of both files")
