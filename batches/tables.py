"""The tables of batches."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from studio.database import JsonText, UtcDateTime, metadata

STATES = ("new", "running", "done", "incomplete", "failed")
"""What may become of a batch: ``incomplete`` means that some rows are not done."""
PRIORITIES = ("low", "normal", "high")
"""How urgent a batch may be among its owner's."""

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("round", Integer, nullable=False, server_default="0"),
    Column("worker", Text, nullable=False, server_default=""),
    Column("hold", Text, nullable=False, server_default=""),
    Column("run", Text, nullable=False, server_default=""),
    Column("started_at", UtcDateTime),
    Column("state", Text, nullable=False, server_default="new"),
    Column("quote", JsonText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("closes_at", UtcDateTime),
    Column("priority", Text, nullable=False, server_default="normal"),
    CheckConstraint("rows > 0 AND round >= 0", name="counts"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    CheckConstraint(f"priority IN {PRIORITIES}", name="priority"),
    Index("ix_batches_owner_created_at", "owner", "created_at"),
)
"""One row for each batch.

``round`` counts how often it was started, the last time at ``started_at`` by the flow run ``run``;
``worker`` is the process at work on it, ``hold`` the hold that pays for it, ``closes_at`` when no
further row of this round may begin. ``priority`` is that of its rows, also of a round that names
none.
"""

batch_wishes = Table(
    "batch_wishes",
    metadata,
    Column("batch", Text, ForeignKey("batches.id"), primary_key=True),
    Column("wish", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    CheckConstraint("wish IN ('pause', 'cancel')", name="wish"),
)
"""What somebody wishes of a batch that is being run; no row where it may go on."""

batch_shards = Table(
    "batch_shards",
    metadata,
    Column("batch", Text, ForeignKey("batches.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rows", Integer, nullable=False),
    Column("orders", LargeBinary, nullable=False),
    Column("worker", Text, nullable=False, server_default=""),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("done_at", UtcDateTime),
    CheckConstraint("rows > 0 AND tries >= 0", name="counts"),
)
"""Ranges of the rows that a running batch has to buy, for several processes to share out.

``worker`` is the process that has a range, the ``tries``-th to take it; nobody has it if empty.
They are gone when the run is over: how rows stand is told by their jobs.
"""

batch_approvals = Table(
    "batch_approvals",
    metadata,
    Column("hold", Text, primary_key=True),
    Column("batch", Text, ForeignKey("batches.id"), nullable=False),
    Column("run", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("decision", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", UtcDateTime),
    CheckConstraint("decision IN ('waiting', 'approved', 'rejected', 'lapsed')", name="decision"),
    Index("ix_batch_approvals_batch_asked_at", "batch", "asked_at"),
)
"""One row for each hold that waited, or waits, for somebody's word."""

batch_faults = Table(
    "batch_faults",
    metadata,
    Column("batch", Text, ForeignKey("batches.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False),
    Column("row", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("rule", Text, nullable=False),
)
"""What was wrong with rows that the last run of a batch left out, in the order of the file."""

batch_rows = Table(
    "batch_rows",
    metadata,
    Column("batch", Text, ForeignKey("batches.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("operation", JsonText, nullable=False),
    Column("references", JsonText, nullable=False),
    Column("same_as", Text, nullable=False),
    Column("ended_as", JsonText),
    UniqueConstraint("batch", "name"),
    Index("ix_batch_rows_key", "key"),
)
"""One row for each row of a batch; variations of one line are parts of it, from 1.

How a row stands is told by the job with its key. Only a row that ended without any job says so
itself: ``ended_as`` holds ``state``, ``code`` and ``message``.
"""
