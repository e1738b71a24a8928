"""Whether an incident is silenced: what notifies is posted before what doesn't."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("incidents"):
        op.add_column("incidents", sa.Column("silenced", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("incidents", "silenced")
