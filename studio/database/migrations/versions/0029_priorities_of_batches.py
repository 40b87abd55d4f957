"""The priority that a batch was started with, for its next round."""

import sqlalchemy as sa
from alembic import op


revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; batches that are there are normal."""
    with op.batch_alter_table("batches") as table:
        table.add_column(sa.Column("priority", sa.Text(), server_default="normal", nullable=False))
        table.create_check_constraint(
            op.f("ck_batches_priority"), "priority IN ('low', 'normal', 'high')"
        )
