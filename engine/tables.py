"""The engine's tables: jobs, the processes that work on them, messages and who is told."""

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
    text,
)

from studio.database import JsonText, UtcDateTime, metadata

JOB_STATES = ("prepared", "submitted", "generated", "settled", "failed", "unknown")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("announce", Integer, nullable=False),
    Column("operation", JsonText, nullable=False),
    Column("pictures", JsonText, nullable=False),
    Column("offer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False, server_default="0"),
    Column("charged", BigInteger, nullable=False, server_default="0"),
    Column("expense", BigInteger, nullable=False, server_default="0"),
    Column("claim", Text, nullable=False),
    Column("remote_id", Text, nullable=False, server_default=""),
    Column("delivery", JsonText),
    Column("error", JsonText),
    Column("notes", JsonText, nullable=False, server_default="{}"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("template", Text, nullable=False, server_default=""),
    CheckConstraint(f"state IN {JOB_STATES}", name="state"),
    CheckConstraint("attempt >= 1", name="attempt"),
    CheckConstraint("price >= 0", name="price"),
    # The same work is bought by one attempt at a time, whoever tries: the second insert fails.
    UniqueConstraint("owner", "key", "attempt"),
    Index("ix_jobs_state_updated_at", "state", "updated_at"),
    Index("ix_jobs_created_at", "created_at"),
    # The few that have come to no asset, as the library lists them.
    Index(
        "ix_jobs_unfinished",
        "owner",
        "state",
        "id",
        sqlite_where=text("state <> 'settled'"),
        postgresql_where=text("state <> 'settled'"),
    ),
)
"""One row for each attempt to buy something; written before the request leaves."""

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
)
"""The processes that work on jobs, and when each was last alive."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('waiting', 'routed')", name="state"),
    UniqueConstraint("event", "subject"),
    Index("ix_outbox_state_created_at", "state", "created_at"),
)
"""Messages, written in the transaction of what they tell; ``routed`` once channels have them."""

channels = Table(
    "channels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("events", JsonText, nullable=False),
    Column("rhythm", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("rhythm IN ('immediately', 'hourly', 'daily')", name="rhythm"),
    CheckConstraint(
        "address LIKE 'env:%' OR address LIKE 'file:%' OR address LIKE 'hook:%'", name="address"
    ),
    UniqueConstraint("owner", "name"),
)
"""Who is told of what. ``address`` says where the URL is kept; the URL itself is a secret."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("message", Text, ForeignKey("outbox.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("together", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("error", Text, nullable=False),
    CheckConstraint("state IN ('waiting', 'sent', 'given_up')", name="state"),
    Index("ix_deliveries_state_next_at", "state", "next_at"),
)
"""A message on its way to one channel; ``together`` is 1 where a digest joins it with others."""

provider_balances = Table(
    "provider_balances",
    metadata,
    Column("account", Text, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)
"""What providers said was left in our accounts, in micro-credits at US$0.01 a credit."""

api_requests = Table(
    "api_requests",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("run", Text, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("id"),
    Index("ix_api_requests_created_at", "created_at"),
)
"""Requests with an idempotency key, and the run that each came to; empty until it has one."""

schedules = Table(
    "schedules",
    metadata,
    Column("key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("parameters", JsonText, nullable=False),
    Column("overlap", Text, nullable=False),
    Column("missed", Text, nullable=False),
    Column("bound", Integer, nullable=False),
    Column("grace", Integer, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    CheckConstraint("overlap IN ('skip', 'queue', 'cancel')", name="overlap"),
    CheckConstraint("missed IN ('skip', 'once', 'all')", name="missed"),
    CheckConstraint("bound >= 1 AND grace > 0", name="limits"),
)
"""What Prefect has no place for about a schedule: one row for each, by its slug there.

``grace`` is in seconds; ``seen_at`` is up to when its moments were looked at.
"""

schedule_occurrences = Table(
    "schedule_occurrences",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("due", UtcDateTime, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("run", Text, nullable=False, server_default=""),
    Column("batch", Text, nullable=False, server_default=""),
    CheckConstraint(
        "state IN ('owed', 'waiting', 'running', 'ended', 'skipped', 'missed')", name="state"
    ),
)
"""One row for each moment of a schedule that somebody decided about; a run takes it once."""

incoming_files = Table(
    "incoming_files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    CheckConstraint("state IN ('taken', 'done', 'failed')", name="state"),
    # Of two that look at a folder at the same moment, one takes the file.
    UniqueConstraint("owner", "folder", "name", "written", "sha256"),
    Index("ix_incoming_files_owner_folder_state", "owner", "folder", "state"),
)
"""One row for each file that a watched folder brought; its bytes are in the store."""
