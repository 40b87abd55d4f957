"""The tables by which assets are found and put in order; the assets themselves never change."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    event,
    text,
)

from studio.database import JsonText, UtcDateTime, metadata

Number = BigInteger().with_variant(Integer(), "sqlite")
"""On SQLite a key of this type is the rowid itself, which the full-text index goes by."""

cards = Table(
    "asset_cards",
    metadata,
    # Microseconds of the filing times 1,024, and a place among those of the same microsecond: the
    # newest is the greatest, and a stretch of time is a stretch of numbers (library/numbers.py).
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("asset", Text, ForeignKey("assets.id"), nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    # What people say about it.
    Column("title", Text, nullable=False, server_default=""),
    Column("notes", Text, nullable=False, server_default=""),
    Column("rating", Integer, nullable=False, server_default="0"),
    Column("favourite_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("purged_at", UtcDateTime),
    # What it shows, found at its arrival.
    Column("colours", Text, nullable=False, server_default=""),
    Column("phash", BigInteger),
    # What lists are filtered and sorted by, so that they need not read the asset's whole row.
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="completed"),
    Column("operation", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("template", Text, nullable=False, server_default=""),
    Column("label", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("credits", BigInteger, nullable=False),
    CheckConstraint("rating BETWEEN 0 AND 5", name="rating"),
    Index(
        "ix_asset_cards_live",
        "owner",
        "number",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_asset_cards_trash",
        "owner",
        "deleted_at",
        "number",
        sqlite_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        postgresql_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
    ),
    Index(
        "ix_asset_cards_trashed",
        "owner",
        "number",
        sqlite_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        postgresql_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
    ),
    Index("ix_asset_cards_bytes", "owner", "bytes", "number"),
    Index("ix_asset_cards_credits", "owner", "credits", "number"),
    Index("ix_asset_cards_label", "owner", "label", "number"),
    Index(
        "ix_asset_cards_rating",
        "owner",
        "rating",
        "number",
        sqlite_where=text("rating > 0"),
        postgresql_where=text("rating > 0"),
    ),
)
"""One row for each asset: all about it that may change, and what lists look at.

``label`` is what it is sorted by when it is sorted by name: its title, or else its file's name,
folded. ``phash`` is the 64 bits of its perceptual hash as a signed number.
"""


def owned_by(owner: str) -> ColumnElement[bool]:
    """Return that a card is an owner's, for queries that look up many cards by id or number.

    It is an expression that no index has. SQLite without statistics takes every owner for one of
    ten cards, and would go through all of theirs, a million, to find hundreds.
    """
    return cards.c.owner.concat("") == owner


hashes = Table(
    "asset_hashes",
    metadata,
    Column("owner", Text, primary_key=True),
    # The band (0 to 3) times 65,536, and the 16 bits of the hash in it.
    Column("band", Integer, primary_key=True, autoincrement=False),
    Column("number", Number, ForeignKey("asset_cards.number"), primary_key=True),
    sqlite_with_rowid=False,
)
"""The perceptual hashes in four bands: what differs in three bits at most shares a band."""

words = Table(
    "asset_words",
    metadata,
    Column(
        "number",
        Number,
        ForeignKey("asset_cards.number"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("words", Text, nullable=False),
)
"""What each asset is found by: words and marks (library/words.py), a blank around each of them.

Beside it is the index of a database's own: FTS5 on SQLite, kept by triggers; GIN on Postgres.
"""

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
"""The statements that make the full-text index, by the database's name, as in the migration."""

for _name, _statements in FULL_TEXT.items():
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(words, "after_create", _ddl.execute_if(dialect=_name))
_ddl = DDL("DROP TABLE IF EXISTS asset_words_index")  # type: ignore[no-untyped-call]
event.listen(words, "before_drop", _ddl.execute_if(dialect="sqlite"))

counts = Table(
    "asset_counts",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("facet", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How many assets an owner has: in all, in the trash, of each kind, model, tag and so on.

Changed in the transaction of what is counted, so that nobody has to count. ``bytes`` is the size
of all that is kept, the trash with it.
"""

backlog = Table(
    "asset_backlog",
    metadata,
    Column("asset", Text, ForeignKey("assets.id"), primary_key=True),
)
"""Assets that a migration found without a card; ``library.catch_up`` makes them."""

tags = Table(
    "tags",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
"""An owner's tags: ``name`` is folded, ``label`` as it was first written."""

asset_tags = Table(
    "asset_tags",
    metadata,
    Column("number", Number, ForeignKey("asset_cards.number"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("confidence", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('accepted', 'pending', 'rejected')", name="state"),
    CheckConstraint("confidence BETWEEN 0 AND 1000", name="confidence"),
    # With how sure it is: what pictures show is read from here alone (`library.shown`).
    Index("ix_asset_tags_tag", "owner", "tag", "state", "number", "confidence"),
)
"""Which asset bears which tag.

``source`` is ``manual`` or what suggested it, such as a model's name; ``confidence`` is in
thousandths, where that one told. A pending tag waits for a person's word and is not searched.
"""

collections = Table(
    "collections",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("parent", Text, nullable=False, server_default=""),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("cover", Text, nullable=False, server_default=""),
    Column("query", JsonText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_collections_owner_parent_name", "owner", "parent", "name", unique=True),
)
"""Collections; ``parent`` is empty at the top, ``query`` is what a smart one is filled by."""

collection_items = Table(
    "collection_items",
    metadata,
    Column("collection", Text, ForeignKey("collections.id"), primary_key=True),
    Column("number", Number, ForeignKey("asset_cards.number"), primary_key=True),
    Column("added_at", UtcDateTime, nullable=False),
    Index("ix_collection_items_number", "number"),
    sqlite_with_rowid=False,
)
"""Which asset is in which collections."""

saved_searches = Table(
    "saved_searches",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""Searches that an owner has given names."""

bulk_actions = Table(
    "bulk_actions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("assets", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("undone_at", UtcDateTime),
    Index("ix_bulk_actions_owner", "owner", "id"),
)
"""What was done to many assets at once, so that it can be undone."""

bulk_items = Table(
    "bulk_items",
    metadata,
    Column("action", Text, ForeignKey("bulk_actions.id"), primary_key=True),
    Column("number", Number, ForeignKey("asset_cards.number"), primary_key=True),
    Column("was", Text),
    sqlite_with_rowid=False,
)
"""Those assets that an action changed, with what they had before."""
