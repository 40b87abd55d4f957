"""The tables of accounts: who may act, what was agreed, what was let through the gate.

``admissions`` and ``uses`` say whose a hold is and what may be done with it. What counts against
limits and budgets is derived from them and from the holds and claims; once a hold is closed
nothing about it changes any more, and ``spent`` and ``count`` keep the result.
"""

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

from billing.tables import add_append_only
from studio.database import JsonText, UtcDateTime, metadata

ROLES = ("viewer", "member", "admin")
SCOPES = ("workspace", "user", "project")

members = Table(
    "members",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    CheckConstraint(f"role IN {ROLES}", name="role"),
)
"""Who may act for a workspace. One without members belongs to the user of the same name."""

accounts = Table(
    "accounts",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("plan", Text),
    Column("book", Text),
    Column("next_plan", Text),
    Column("cycle", Text),
    Column("anchor", UtcDateTime),
    Column("zone", Text),
    Column("ends_at", UtcDateTime),
    Column("granted_period", Integer),
    Column("low_balance", BigInteger),
    Column("low_told", Integer, nullable=False),
    Column("approval_above", BigInteger),
    Column("approval_by_another", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("cycle IN ('monthly', 'yearly')", name="cycle"),
    CheckConstraint(
        "(plan IS NULL) = (book IS NULL) AND (plan IS NULL) = (cycle IS NULL) "
        "AND (plan IS NULL) = (anchor IS NULL) AND (plan IS NULL) = (zone IS NULL) "
        "AND (plan IS NULL) = (granted_period IS NULL)",
        name="plan_whole",
    ),
    CheckConstraint("low_balance >= 0", name="low_balance"),
)
"""What was agreed for a workspace; one without a row is personal and prepaid."""

account_events = Table(
    "account_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", JsonText, nullable=False),
    Index("ix_account_events_owner_id", "owner", "id"),
)
"""Who changed what about an account, when and why; only ever added to."""

admissions = Table(
    "admissions",
    metadata,
    Column("hold_id", Text, ForeignKey("holds.id"), primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("user", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("spent", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("spent >= 0", name="spent"),
    Index("ix_admissions_wallet_id_created_at", "wallet_id", "created_at"),
)
"""For whom a hold was placed; ``spent`` once it is closed."""

uses = Table(
    "uses",
    metadata,
    Column("hold_id", Text, ForeignKey("holds.id"), primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("final", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("count >= 0", name="count"),
    Index("ix_uses_wallet_id_operation_created_at", "wallet_id", "operation", "created_at"),
)
"""How often a hold may do an operation; once it is closed (``final``): how often it was done."""

# What is not final yet is looked at each time, and made final by whoever finds it closed.
Index(
    "ix_admissions_open_wallet_id",
    admissions.c.wallet_id,
    sqlite_where=admissions.c.spent.is_(None),
    postgresql_where=admissions.c.spent.is_(None),
)
Index(
    "ix_uses_open_wallet_id",
    uses.c.wallet_id,
    sqlite_where=uses.c.final == 0,
    postgresql_where=uses.c.final == 0,
)

budgets = Table(
    "budgets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint(f"scope IN {SCOPES}", name="scope"),
    CheckConstraint("amount >= 0", name="amount"),
    UniqueConstraint("owner", "scope", "name"),
)
"""The most that a workspace, one of its users or projects may spend in a period."""

budget_alerts = Table(
    "budget_alerts",
    metadata,
    Column("budget_id", Text, primary_key=True),
    Column("period_start", UtcDateTime, primary_key=True),
    Column("threshold", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
"""The thresholds of a budget, in percent, that were passed in a period: each is told once."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", JsonText, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    CheckConstraint("length(digest) = 64", name="digest"),
    Index("ix_api_keys_owner_id", "owner", "id"),
)
"""What makes a user real at the HTTP door. ``digest`` is of the secret, which is not kept."""

add_append_only(account_events)
