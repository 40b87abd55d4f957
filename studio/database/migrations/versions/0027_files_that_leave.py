"""Files that may be needed no more, so that a killed process leaves word of them."""

import sqlalchemy as sa
from alembic import op


revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Files that may be needed no more, so that a killed process leaves word of them."""
    op.create_table(
        "leaving_files",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_leaving_files")),
    )
    op.create_index("ix_leaving_files_due", "leaving_files", ["due"], unique=False)
