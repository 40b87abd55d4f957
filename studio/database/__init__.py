"""One database for ledger, jobs, library and batches, so that they can change together.

``Database`` opens it (SQLite by default, Postgres by URL), ``metadata`` collects every room's
tables, ``GroupCommit`` puts the writes of many callers into one transaction.
"""

from studio.database.connection import Database
from studio.database.group_commit import GroupCommit
from studio.database.schema import (
    JsonText,
    UtcDateTime,
    as_row,
    belongs_to_code,
    metadata,
)

__all__ = [
    "Database",
    "GroupCommit",
    "JsonText",
    "UtcDateTime",
    "as_row",
    "belongs_to_code",
    "metadata",
]
