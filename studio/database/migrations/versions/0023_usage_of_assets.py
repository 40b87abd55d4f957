"""How often assets were delivered."""

import sqlalchemy as sa
from alembic import op


revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """How often assets were delivered."""
    op.create_table(
        "asset_uses",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('view', 'download', 'share')", name=op.f("ck_asset_uses_kind")
        ),
        sa.CheckConstraint("count > 0", name=op.f("ck_asset_uses_count")),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_asset_uses_asset_assets")),
        sa.PrimaryKeyConstraint("asset", "kind", "day", name=op.f("pk_asset_uses")),
    )
    with op.batch_alter_table("asset_uses", schema=None) as batch_op:
        batch_op.create_index(
            "ix_asset_uses_owner_day", ["owner", "day", "kind", "asset", "count"], unique=False
        )
