"""Claims on things: at most one active remediation for a task instance, a DAG or a variable."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "at_work",
        sa.Column("thing", sa.String(32), nullable=False),
        sa.Column("remediation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["remediation_id"], ["remediations.id"], name=op.f("fk_at_work_remediation_id_remediations")
        ),
        sa.PrimaryKeyConstraint("thing", name=op.f("pk_at_work")),
    )
    op.create_index(op.f("ix_at_work_remediation_id"), "at_work", ["remediation_id"])


def downgrade() -> None:
    op.drop_table("at_work")
