"""What was told of assets, and whose arrivals are tagged."""

import sqlalchemy as sa
from alembic import op


revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was told of assets, and whose arrivals are tagged."""
    op.create_table(
        "library_wishes",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("auto_tag", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_library_wishes")),
    )
    op.create_table(
        "asset_looks",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("caption", sa.Text(), nullable=False),
        sa.Column("colours", sa.Text(), nullable=False),
        sa.Column("faces", sa.Integer(), nullable=True),
        sa.Column("safe", sa.Integer(), nullable=True),
        sa.Column("safe_confidence", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'rejected')", name=op.f("ck_asset_looks_state")
        ),
        sa.CheckConstraint("faces >= 0", name=op.f("ck_asset_looks_faces")),
        sa.CheckConstraint("safe IN (0, 1)", name=op.f("ck_asset_looks_safe")),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_asset_looks_asset_assets")),
        sa.PrimaryKeyConstraint("asset", "source", name=op.f("pk_asset_looks")),
    )
