"""Boards, their links, guests and audit lists, and how often somebody guessed."""

import sqlalchemy as sa
from alembic import op


revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "board_guesses",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_board_guesses")),
    )
    op.create_index("ix_board_guesses_since", "board_guesses", ["since"], unique=False)
    op.create_table(
        "boards",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("noted", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boards")),
    )
    op.create_index("ix_boards_owner_id", "boards", ["owner", "id"], unique=False)
    op.create_table(
        "board_events",
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["board"], ["boards.id"], name=op.f("fk_board_events_board_boards")
        ),
        sa.PrimaryKeyConstraint("board", "number", name=op.f("pk_board_events")),
    )
    op.create_table(
        "board_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("most_views", sa.Integer(), nullable=False),
        sa.Column("asks_first", sa.Boolean(), nullable=False),
        sa.Column("may_download", sa.Boolean(), nullable=False),
        sa.Column("may_comment", sa.Boolean(), nullable=False),
        sa.Column("details", sa.Boolean(), nullable=False),
        sa.Column("views", sa.Integer(), server_default="0", nullable=False),
        sa.Column("downloads", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("downloads >= 0", name=op.f("ck_board_links_downloads")),
        sa.CheckConstraint("views >= 0 AND views <= most_views", name=op.f("ck_board_links_views")),
        sa.ForeignKeyConstraint(["board"], ["boards.id"], name=op.f("fk_board_links_board_boards")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_board_links_digest")),
    )
    op.create_index("ix_board_links_board", "board_links", ["board", "id"], unique=False)
    op.create_table(
        "board_guests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["link"], ["board_links.id"], name=op.f("fk_board_guests_link_board_links")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_guests")),
        sa.UniqueConstraint("digest", name=op.f("uq_board_guests_digest")),
    )
    op.create_index("ix_board_guests_link", "board_guests", ["link"], unique=False)
    op.create_table(
        "board_items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["board"], ["boards.id"], name=op.f("fk_board_items_board_boards")),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_board_items_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_items")),
        sa.UniqueConstraint("board", "number", name=op.f("uq_board_items_board_number")),
    )
    op.create_index(
        "ix_board_items_board_position", "board_items", ["board", "position"], unique=False
    )
    op.create_index("ix_board_items_number", "board_items", ["number"], unique=False)
    op.create_table(
        "board_comments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("guest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["board"], ["boards.id"], name=op.f("fk_board_comments_board_boards")
        ),
        sa.ForeignKeyConstraint(
            ["guest"], ["board_guests.id"], name=op.f("fk_board_comments_guest_board_guests")
        ),
        sa.ForeignKeyConstraint(
            ["item"], ["board_items.id"], name=op.f("fk_board_comments_item_board_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_comments")),
    )
    op.create_index("ix_board_comments_board", "board_comments", ["board", "id"], unique=False)
    op.create_index("ix_board_comments_guest", "board_comments", ["guest"], unique=False)
    op.create_index("ix_board_comments_item", "board_comments", ["item"], unique=False)
    op.create_table(
        "board_decisions",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("guest", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "decision IN ('approved', 'rejected')", name=op.f("ck_board_decisions_decision")
        ),
        sa.ForeignKeyConstraint(
            ["board"], ["boards.id"], name=op.f("fk_board_decisions_board_boards")
        ),
        sa.ForeignKeyConstraint(
            ["guest"], ["board_guests.id"], name=op.f("fk_board_decisions_guest_board_guests")
        ),
        sa.ForeignKeyConstraint(
            ["item"], ["board_items.id"], name=op.f("fk_board_decisions_item_board_items")
        ),
        sa.PrimaryKeyConstraint("item", "guest", name=op.f("pk_board_decisions")),
    )
    op.create_index("ix_board_decisions_board", "board_decisions", ["board"], unique=False)
    op.create_index("ix_board_decisions_guest", "board_decisions", ["guest"], unique=False)
