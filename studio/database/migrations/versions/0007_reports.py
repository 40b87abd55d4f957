"""Reports: what providers charged, the template asked for, and the indexes of periods."""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what usage, statements and reconciliation ask for.

    What was paid until now cost the operator its part of the price book's cost. Products of two
    amounts may be more than 63 bits, hence the floats; they are off by less than a micro-credit
    as long as an amount is below 2^53.
    """
    op.add_column("jobs", sa.Column("expense", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("template", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE jobs SET expense = cost WHERE charged > 0 AND charged = price")
    op.execute(
        "UPDATE jobs SET expense = CAST(1.0 * cost * charged / price AS BIGINT)"
        " WHERE charged > 0 AND charged < price"
    )
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"])
    op.create_index(
        "ix_ledger_transactions_wallet_id_at", "ledger_transactions", ["wallet_id", "at"]
    )
    op.create_table(
        "provider_balances",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "at", name=op.f("pk_provider_balances")),
    )
