"""A silence stores the worst severity that its author had in view, and the role that they held."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("silences", sa.Column("severity", sa.String(16), nullable=False, server_default="critical"))
    op.add_column("silences", sa.Column("role", sa.String(16), nullable=False, server_default="admin"))


def downgrade() -> None:
    op.drop_column("silences", "role")
    op.drop_column("silences", "severity")
