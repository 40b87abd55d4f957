"""Ranges of a running batch's rows, for several processes to share out."""

import sqlalchemy as sa
from alembic import op


revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Ranges of a running batch's rows, for several processes to share out."""
    op.create_table(
        "batch_shards",
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("orders", sa.LargeBinary(), nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("rows > 0 AND tries >= 0", name=op.f("ck_batch_shards_counts")),
        sa.ForeignKeyConstraint(
            ["batch"], ["batches.id"], name=op.f("fk_batch_shards_batch_batches")
        ),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_batch_shards")),
    )
