"""What is in the trash is listed in the order of its assets, however much is in it."""

import sqlalchemy as sa
from alembic import op


revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_IN_TRASH = sa.text("deleted_at IS NOT NULL AND purged_at IS NULL")


def upgrade() -> None:
    """Add the index; the one that is there goes by when assets were put into the trash."""
    op.create_index(
        "ix_asset_cards_trashed",
        "asset_cards",
        ["owner", "number"],
        unique=False,
        sqlite_where=_IN_TRASH,
        postgresql_where=_IN_TRASH,
    )
