"""The run of a batch and when it started."""

import sqlalchemy as sa
from alembic import op


revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("run", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("started_at", sa.BigInteger(), nullable=True))
