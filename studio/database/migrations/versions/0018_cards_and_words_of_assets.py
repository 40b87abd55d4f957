"""Cards, words, tags, collections and counts, by which the library's assets are found."""

import sqlalchemy as sa
from alembic import op


revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


FULL_TEXT = {
    "sqlite": (
        (
            "CREATE VIRTUAL TABLE asset_words_index USING fts5(words, content='asset_words',"
            " content_rowid='number', detail=none, tokenize='ascii')"
        ),
        (
            "CREATE TRIGGER asset_words_added AFTER INSERT ON asset_words BEGIN"
            " INSERT INTO asset_words_index(rowid, words) VALUES (new.number, new.words); END"
        ),
        (
            "CREATE TRIGGER asset_words_removed AFTER DELETE ON asset_words BEGIN"
            " INSERT INTO asset_words_index(asset_words_index, rowid, words)"
            " VALUES ('delete', old.number, old.words); END"
        ),
        (
            "CREATE TRIGGER asset_words_changed AFTER UPDATE ON asset_words BEGIN"
            " INSERT INTO asset_words_index(asset_words_index, rowid, words)"
            " VALUES ('delete', old.number, old.words);"
            " INSERT INTO asset_words_index(rowid, words) VALUES (new.number, new.words); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE INDEX ix_asset_words_words ON asset_words USING gin"
            " (array_to_tsvector(string_to_array(btrim(words), ' ')))"
        ),
    ),
}


def upgrade() -> None:
    """Make the tables and the full-text index; assets that are there wait for their cards."""
    op.create_table(
        "asset_counts",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("facet", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "facet", "value", name=op.f("pk_asset_counts")),
    )
    op.create_table(
        "bulk_actions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("assets", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_actions")),
    )
    with op.batch_alter_table("bulk_actions", schema=None) as batch_op:
        batch_op.create_index("ix_bulk_actions_owner", ["owner", "id"], unique=False)

    op.create_table(
        "collections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("cover", sa.Text(), server_default="", nullable=False),
        sa.Column("query", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    with op.batch_alter_table("collections", schema=None) as batch_op:
        batch_op.create_index(
            "ix_collections_owner_parent_name", ["owner", "parent", "name"], unique=True
        )

    op.create_table(
        "saved_searches",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_saved_searches")),
    )
    op.create_table(
        "tags",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name", name=op.f("pk_tags")),
    )
    op.create_table(
        "asset_backlog",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset"], ["assets.id"], name=op.f("fk_asset_backlog_asset_assets")
        ),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_asset_backlog")),
    )
    op.create_table(
        "asset_cards",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("rating", sa.Integer(), server_default="0", nullable=False),
        sa.Column("favourite_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.Column("colours", sa.Text(), server_default="", nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="completed", nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), server_default="", nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 0 AND 5", name=op.f("ck_asset_cards_rating")),
        sa.ForeignKeyConstraint(["asset"], ["assets.id"], name=op.f("fk_asset_cards_asset_assets")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_asset_cards")),
        sa.UniqueConstraint("asset", name=op.f("uq_asset_cards_asset")),
    )
    with op.batch_alter_table("asset_cards", schema=None) as batch_op:
        batch_op.create_index("ix_asset_cards_bytes", ["owner", "bytes", "number"], unique=False)
        batch_op.create_index(
            "ix_asset_cards_credits", ["owner", "credits", "number"], unique=False
        )
        batch_op.create_index("ix_asset_cards_label", ["owner", "label", "number"], unique=False)
        batch_op.create_index(
            "ix_asset_cards_live",
            ["owner", "number"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.create_index(
            "ix_asset_cards_rating",
            ["owner", "rating", "number"],
            unique=False,
            sqlite_where=sa.text("rating > 0"),
            postgresql_where=sa.text("rating > 0"),
        )
        batch_op.create_index(
            "ix_asset_cards_trash",
            ["owner", "deleted_at", "number"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL AND purged_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        )

    op.create_table(
        "asset_hashes",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_asset_hashes_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("owner", "band", "number", name=op.f("pk_asset_hashes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asset_tags",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('accepted', 'pending', 'rejected')", name=op.f("ck_asset_tags_state")
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1000", name=op.f("ck_asset_tags_confidence")),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_asset_tags_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("number", "tag", name=op.f("pk_asset_tags")),
    )
    with op.batch_alter_table("asset_tags", schema=None) as batch_op:
        batch_op.create_index(
            "ix_asset_tags_tag", ["owner", "tag", "state", "number"], unique=False
        )

    op.create_table(
        "asset_words",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_asset_words_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_asset_words")),
    )
    op.create_table(
        "bulk_items",
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["action"], ["bulk_actions.id"], name=op.f("fk_bulk_items_action_bulk_actions")
        ),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_bulk_items_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("action", "number", name=op.f("pk_bulk_items")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "collection_items",
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection"],
            ["collections.id"],
            name=op.f("fk_collection_items_collection_collections"),
        ),
        sa.ForeignKeyConstraint(
            ["number"], ["asset_cards.number"], name=op.f("fk_collection_items_number_asset_cards")
        ),
        sa.PrimaryKeyConstraint("collection", "number", name=op.f("pk_collection_items")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("collection_items", schema=None) as batch_op:
        batch_op.create_index("ix_collection_items_number", ["number"], unique=False)
    for statement in FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)
    op.execute("INSERT INTO asset_backlog SELECT id FROM assets")
