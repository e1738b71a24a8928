"""Signals had a file of their own for a while; since 0004 they are in the store again, and a new store never moves
them."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Does nothing: an existing store keeps its signals in `main`, and one that moved them gets the tables in 0004."""


def downgrade() -> None:
    raise NotImplementedError("restore a copy of the store")
