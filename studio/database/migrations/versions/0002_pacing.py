"""Pacing: slots, windows and lock-outs of providers' accounts."""

import sqlalchemy as sa
from alembic import op


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables; what was under way before had no limits to keep."""
    op.create_table(
        "pacing_accounts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_pacing_accounts_failures")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_pacing_accounts")),
    )
    op.create_table(
        "pacing_windows",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "window", name=op.f("pk_pacing_windows")),
    )
    op.create_table(
        "pacing_slots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'held')", name=op.f("ck_pacing_slots_state")),
        sa.CheckConstraint(
            "(state = 'held') = (taken_at IS NOT NULL)", name=op.f("ck_pacing_slots_taken_at")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pacing_slots")),
    )
    with op.batch_alter_table("pacing_slots", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pacing_slots_account_state_ticket", ["account", "state", "ticket"], unique=False
        )
