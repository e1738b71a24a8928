"""A page's place is a pager by its name: PagerDuty is one of several that can be."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    here = sa.inspect(op.get_bind())
    if here.has_table("alerts") and "kind" in {column["name"] for column in here.get_columns("alerts")}:
        op.execute("UPDATE alerts SET kind = 'pager', target = 'pagerduty' WHERE kind = 'pagerduty'")


def downgrade() -> None:
    op.execute("UPDATE alerts SET kind = 'pagerduty', target = '' WHERE kind = 'pager'")
