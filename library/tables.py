"""The library's tables."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from studio.database import JsonText, UtcDateTime, metadata

assets = Table(
    "assets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("thumbnail", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("operation", Text, nullable=False),
    Column("request", JsonText, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seed", BigInteger),
    Column("credits", BigInteger, nullable=False),
    Column("facts", JsonText, nullable=False),
    Column("job", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("run", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("bytes > 0 AND width >= 0 AND height >= 0", name="size"),
    CheckConstraint("credits >= 0", name="credits"),
    # A job files each of its outputs once, whoever tries how often.
    UniqueConstraint("job", "position"),
    # Pages go by (owner, id). The rest is what filters look at: a row that does not fit is passed
    # over here, without its request and facts being read.
    Index(
        "ix_assets_owner_id",
        "owner",
        "id",
        "operation",
        "provider",
        "model",
        "media_type",
        "created_at",
    ),
    Index("ix_assets_owner_sha256", "owner", "sha256"),
)
"""One row for each file; it is never changed. Ids sort by time, so pages go by (owner, id)."""

parents = Table(
    "asset_parents",
    metadata,
    Column("asset", Text, ForeignKey("assets.id"), primary_key=True),
    Column("field", Text, primary_key=True),
    Column("parent", Text, ForeignKey("assets.id"), nullable=False),
    Index("ix_asset_parents_parent", "parent"),
)
"""Which asset was made from which; ``field`` is the operation's field that named the parent."""

personas = Table(
    "personas",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("content", JsonText, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""One row for each brand persona of an owner. It may change: what is made keeps its content."""

current_versions = Table(
    "current_versions",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("root", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
)
"""Which version of a picture counts, where somebody said so; ``root`` is its first version."""

asset_uses = Table(
    "asset_uses",
    metadata,
    Column("asset", Text, ForeignKey("assets.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    CheckConstraint("kind IN ('view', 'download', 'share')", name="kind"),
    CheckConstraint("count > 0", name="count"),
    Index("ix_asset_uses_owner_day", "owner", "day", "kind", "asset", "count"),
)
"""How often an asset was delivered on a day (UTC, as 2026-12-31)."""

asset_looks = Table(
    "asset_looks",
    metadata,
    Column("asset", Text, ForeignKey("assets.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("colours", JsonText, nullable=False),
    Column("faces", Integer),
    Column("safe", Integer),
    Column("safe_confidence", Integer),
    Column("state", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('pending', 'accepted', 'rejected')", name="state"),
    CheckConstraint("safe IN (0, 1)", name="safe"),
    CheckConstraint("faces >= 0", name="faces"),
)
"""What each source told of an asset: a caption, colours, faces, whether it is safe for work.

The tags that it told are in ``asset_tags``, with the same source.
"""

library_wishes = Table(
    "library_wishes",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("auto_tag", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
"""What an owner wishes for what arrives: who tags it by itself, from when on; empty for nobody."""

leaving_files = Table(
    "leaving_files",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("due", UtcDateTime, nullable=False),
    Index("ix_leaving_files_due", "due"),
)
"""Files that may be needed no more, and when to look at each again.

Written in the transaction that takes the assets out of the library, so that a process that is
killed before the files are cleared away leaves word of them.
"""
