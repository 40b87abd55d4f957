"""What pictures show is read from the index of tags alone: it holds how sure each of them is."""

from alembic import op


revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    op.drop_index("ix_asset_tags_tag", table_name="asset_tags")
    op.create_index(
        "ix_asset_tags_tag",
        "asset_tags",
        ["owner", "tag", "state", "number", "confidence"],
        unique=False,
    )
