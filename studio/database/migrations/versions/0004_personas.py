"""Personas, what the studio changed in requests, and rows that are several pieces of work."""

import sqlalchemy as sa
from alembic import op


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; of what was made until now no request had been changed."""
    op.create_table(
        "personas",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_personas")),
    )
    op.add_column("jobs", sa.Column("notes", sa.Text(), nullable=False, server_default="{}"))
    with op.batch_alter_table("batch_rows", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_constraint("pk_batch_rows", type_="primary")
        batch_op.create_primary_key("pk_batch_rows", ["batch", "line", "part"])
