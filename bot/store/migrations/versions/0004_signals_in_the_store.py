"""Signals and their identities are tables of the store, with SQLite as well; `bot.store.signals.take_over` moves their
rows."""

import sqlalchemy as sa
from alembic import op

from bot.store.driver.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("signals"):
        return
    op.create_table(
        "signals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
    )
    op.create_table(
        "identities",
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.Column("told_at", Moment(), nullable=False),
        sa.Column("bare", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_identities")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a copy of the store")
