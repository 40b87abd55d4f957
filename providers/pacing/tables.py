"""What all processes know of the providers' accounts: who works, when calls start, what is shut."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text

from studio.database import JsonText, UtcDateTime, metadata

SLOT_STATES = ("waiting", "held")

pacing_accounts = Table(
    "pacing_accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("blocked_until", UtcDateTime),
    Column("reason", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("open_until", UtcDateTime),
    CheckConstraint("failures >= 0", name="failures"),
)
"""One row for each account; whoever changes anything about the account locks it first.

``blocked_until`` is the provider's own lock-out, ``open_until`` that of our circuit breaker, which
``failures``, counted in a row, have opened.
"""

pacing_windows = Table(
    "pacing_windows",
    metadata,
    Column("account", Text, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("starts", JsonText, nullable=False),
)
"""The last starts of an account that a window still counts, those to come included."""

pacing_slots = Table(
    "pacing_slots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("ticket", BigInteger, nullable=False),
    Column("worker", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("priority", Text, nullable=False, server_default="single"),
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("taken_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    CheckConstraint(f"state IN {SLOT_STATES}", name="state"),
    CheckConstraint("(state = 'held') = (taken_at IS NOT NULL)", name="taken_at"),
    Index("ix_pacing_slots_account_state_ticket", "account", "state", "ticket"),
)
"""The queue at each account: those at work and those that wait.

``share_out`` says whose turn it is; those of one owner and priority go by their turns, and then
their tickets.
"""
