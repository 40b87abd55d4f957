"""What somebody wishes of a batch that is being run."""

import sqlalchemy as sa
from alembic import op


revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "batch_wishes",
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("wish IN ('pause', 'cancel')", name=op.f("ck_batch_wishes_wish")),
        sa.ForeignKeyConstraint(
            ["batch"], ["batches.id"], name=op.f("fk_batch_wishes_batch_batches")
        ),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_batch_wishes")),
    )
