"""When an alert's message was posted: the number of new messages per minute is limited."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("posted_at", sa.BigInteger()))
    op.create_index(op.f("ix_alerts_posted_at"), "alerts", ["posted_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_alerts_posted_at"), "alerts")
    op.drop_column("alerts", "posted_at")
