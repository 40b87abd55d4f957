"""The tables of boards: what others are shown, by which links, and what they said of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from library.card_tables import Number
from studio.database import UtcDateTime, metadata

boards = Table(
    "boards",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("noted", BigInteger, nullable=False, server_default="0"),
    Index("ix_boards_owner_id", "owner", "id"),
)
"""Boards; ``noted`` is how many entries its audit list has had."""

board_items = Table(
    "board_items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("board", Text, ForeignKey("boards.id"), nullable=False),
    Column("number", Number, ForeignKey("asset_cards.number"), nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("board", "number"),
    Index("ix_board_items_board_position", "board", "position"),
    Index("ix_board_items_number", "number"),
)
"""Which asset is on which board. A guest knows it by the id of this row, never by its own."""

board_links = Table(
    "board_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("board", Text, ForeignKey("boards.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("most_views", Integer, nullable=False),
    Column("asks_first", Boolean, nullable=False),
    Column("may_download", Boolean, nullable=False),
    Column("may_comment", Boolean, nullable=False),
    Column("details", Boolean, nullable=False),
    Column("views", Integer, nullable=False, server_default="0"),
    Column("downloads", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("views >= 0 AND views <= most_views", name="views"),
    CheckConstraint("downloads >= 0", name="downloads"),
    Index("ix_board_links_board", "board", "id"),
)
"""Links to boards: of the token its SHA-256, of the password its scrypt hash; empty for none."""

board_guests = Table(
    "board_guests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("link", Text, ForeignKey("board_links.id"), nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Index("ix_board_guests_link", "link"),
)
"""Browsers that have opened a link; ``until`` is when the next visit begins."""

board_comments = Table(
    "board_comments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("board", Text, ForeignKey("boards.id"), nullable=False),
    Column("item", Text, ForeignKey("board_items.id"), nullable=False),
    Column("guest", Text, ForeignKey("board_guests.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_board_comments_board", "board", "id"),
    Index("ix_board_comments_item", "item"),
    Index("ix_board_comments_guest", "guest"),
)
"""What guests wrote about assets on a board."""

board_decisions = Table(
    "board_decisions",
    metadata,
    Column("item", Text, ForeignKey("board_items.id"), primary_key=True),
    Column("guest", Text, ForeignKey("board_guests.id"), primary_key=True),
    Column("board", Text, ForeignKey("boards.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    CheckConstraint("decision IN ('approved', 'rejected')", name="decision"),
    Index("ix_board_decisions_board", "board"),
    Index("ix_board_decisions_guest", "guest"),
)
"""What guests decided about assets on a board: one decision of a guest about each."""

board_events = Table(
    "board_events",
    metadata,
    Column("board", Text, ForeignKey("boards.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
"""The audit list of each board, numbered from 1; the newest 10,000 entries are kept."""

guesses = Table(
    "board_guesses",
    metadata,
    Column("key", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
    Index("ix_board_guesses_since", "since"),
)
"""How often somebody guessed since a moment; ``key`` names an address or link, never in clear."""
