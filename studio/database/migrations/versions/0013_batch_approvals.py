"""Approval of batches above a limit: whose word was asked for, and what it was."""

import sqlalchemy as sa
from alembic import op


revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the limit that an account may set."""
    op.add_column("accounts", sa.Column("approval_above", sa.BigInteger(), nullable=True))
    op.add_column(
        "accounts",
        sa.Column("approval_by_another", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_table(
        "batch_approvals",
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('waiting', 'approved', 'rejected', 'lapsed')",
            name=op.f("ck_batch_approvals_decision"),
        ),
        sa.ForeignKeyConstraint(
            ["batch"], ["batches.id"], name=op.f("fk_batch_approvals_batch_batches")
        ),
        sa.PrimaryKeyConstraint("hold", name=op.f("pk_batch_approvals")),
    )
    op.create_index("ix_batch_approvals_batch_asked_at", "batch_approvals", ["batch", "asked_at"])
