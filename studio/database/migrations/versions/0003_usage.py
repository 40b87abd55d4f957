"""Usage: what a job cost the operator, and what was captured for it."""

import sqlalchemy as sa
from alembic import op


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was settled until now was charged at its price."""
    for name in ("cost", "charged"):
        op.add_column("jobs", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE jobs SET charged = price WHERE state = 'settled'")
