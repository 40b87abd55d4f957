"""Webhooks: a channel's address may be the one of a receiver."""

from alembic import op


revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ADDRESS = "address LIKE 'env:%' OR address LIKE 'file:%' OR address LIKE 'hook:%'"


def upgrade() -> None:
    """Let addresses begin with hook: as well; SQLite makes the table anew for that."""
    with op.batch_alter_table("channels", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_channels_address"), type_="check")
        batch_op.create_check_constraint(op.f("ck_channels_address"), ADDRESS)
