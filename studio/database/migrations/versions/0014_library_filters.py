"""The index by which assets are listed tells also what they are filtered by."""

from alembic import op


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew, with the columns of the filters in it."""
    op.drop_index("ix_assets_owner_id", table_name="assets")
    op.create_index(
        "ix_assets_owner_id",
        "assets",
        ["owner", "id", "operation", "provider", "model", "media_type", "created_at"],
    )
