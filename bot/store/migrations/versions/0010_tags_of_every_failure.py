"""The tags of each failure's DAG: the right to act on an alert depends on all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("subjects"):
        op.add_column("subjects", sa.Column("tags", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("subjects", "tags")
