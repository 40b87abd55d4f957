"""Who waits for a slot of a provider's account, and with what priority."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name the owner, the priority and the turn of each place."""
    op.add_column("pacing_slots", sa.Column("owner", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "pacing_slots",
        sa.Column("priority", sa.Text(), nullable=False, server_default="single"),
    )
    op.add_column(
        "pacing_slots", sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0")
    )
