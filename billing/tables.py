"""The ledger's tables.

``ledger_transactions`` and ``ledger_entries`` are the truth and are only ever added to. The
amounts in ``wallets``, ``grants``, ``holds`` and ``claims`` are projections of the entries, kept
because a conditional UPDATE needs a row to be conditional on; ``billing.ledger.audit`` recomputes
them. ``allocations`` and ``withdrawals`` say which grant an amount came out of. Every amount is in
micro-credits.
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
    event,
)
from sqlalchemy.schema import DDL

from studio import credits as money
from studio.database import UtcDateTime, metadata

wallets = Table(
    "wallets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("expired", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("state IN ('active', 'suspended')", name="state"),
    CheckConstraint(f"granted >= 0 AND granted <= {money.MOST}", name="granted"),
    CheckConstraint("held >= 0", name="held"),
    CheckConstraint("captured >= 0", name="captured"),
    CheckConstraint("expired >= 0", name="expired"),
    CheckConstraint("granted - captured - held - expired >= 0", name="never_overdrawn"),
)

grants = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("allocated", BigInteger, nullable=False),
    Column("withdrawn", BigInteger, nullable=False),
    Column("expired", BigInteger, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("kind IN ('top_up', 'period', 'adjustment', 'refund')", name="kind"),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("allocated >= 0 AND withdrawn >= 0 AND expired >= 0", name="not_negative"),
    CheckConstraint("allocated + withdrawn + expired <= amount", name="covered"),
    CheckConstraint("expired = 0 OR expires_at IS NOT NULL", name="expired_by_its_expiry"),
)

LEFT = grants.c.amount - grants.c.allocated - grants.c.withdrawn - grants.c.expired
"""What a grant has left."""

HAS_LEFT = grants.c.amount > grants.c.allocated + grants.c.withdrawn + grants.c.expired
"""The grants that a hold may still be paid from, or that may still lapse; the indexes are theirs.

Both databases use a partial index only for a query that has its condition word by word; SQLite
turns one around that has its column on the right, and does not know it again.
"""

Index(
    "ix_grants_left_wallet_id_expires_at",
    grants.c.wallet_id,
    grants.c.expires_at,
    sqlite_where=HAS_LEFT,
    postgresql_where=HAS_LEFT,
)

# The reaper's question again, of grants.
Index(
    "ix_grants_left_expires_at",
    grants.c.expires_at,
    sqlite_where=HAS_LEFT,
    postgresql_where=HAS_LEFT,
)

holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("claimed", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("wallet_id", "key"),
    CheckConstraint("state IN ('open', 'closing', 'closed')", name="state"),
    CheckConstraint(
        "amount >= 0 AND claimed >= 0 AND captured >= 0 AND released >= 0", name="not_negative"
    ),
    CheckConstraint("claimed + captured + released <= amount", name="covered"),
    CheckConstraint(
        "state = 'open' OR claimed + captured + released = amount", name="nothing_free_once_ended"
    ),
    CheckConstraint("state <> 'closed' OR claimed = 0", name="nothing_claimed_once_closed"),
)

# The reaper's question, over the few holds that can answer it.
Index(
    "ix_holds_open_expires_at",
    holds.c.expires_at,
    sqlite_where=holds.c.state == "open",
    postgresql_where=holds.c.state == "open",
)

# "How many runs are under way?", asked by every pre-flight of a plan that limits them.
Index(
    "ix_holds_open_wallet_id",
    holds.c.wallet_id,
    sqlite_where=holds.c.state == "open",
    postgresql_where=holds.c.state == "open",
)

allocations = Table(
    "allocations",
    metadata,
    Column("hold_id", Text, ForeignKey("holds.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("grant_id", Text, ForeignKey("grants.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    sqlite_with_rowid=False,
)

claims = Table(
    "claims",
    metadata,
    Column("id", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("hold_id", Text, ForeignKey("holds.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("operation", Text, nullable=False, server_default=""),
    Column("fingerprint", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("wallet_id", "key"),
    CheckConstraint("state IN ('active', 'captured', 'returned')", name="state"),
    CheckConstraint("captured >= 0 AND captured <= amount", name="captured"),
    CheckConstraint("state = 'captured' OR captured = 0", name="captured_only_by_capture"),
    CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended_at"),
)

# "Has this hold claims under way?", asked when it ends, and "what was done with it?", afterwards.
Index("ix_claims_hold_id_state", claims.c.hold_id, claims.c.state)

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("grant_id", Text, ForeignKey("grants.id")),
    Column("hold_id", Text, ForeignKey("holds.id")),
    Column("claim_id", Text, ForeignKey("claims.id")),
    Column("author", Text),
    Column("reason", Text),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("wallet_id", "kind", "key"),
    CheckConstraint(
        "kind IN ('top_up', 'adjust', 'refund', 'hold', 'claim', 'capture', 'give_back',"
        " 'release', 'expire', 'lapse')",
        name="kind",
    ),
)

# "How much of this claim was refunded?", over the few transactions that can answer it.
Index(
    "ix_ledger_transactions_refund_claim_id",
    ledger_transactions.c.claim_id,
    sqlite_where=ledger_transactions.c.kind == "refund",
    postgresql_where=ledger_transactions.c.kind == "refund",
)

# What a negative adjustment took, and out of which grants.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("transaction_id", Text, ForeignKey("ledger_transactions.id"), primary_key=True),
    Column("grant_id", Text, ForeignKey("grants.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint("amount > 0", name="amount"),
    sqlite_with_rowid=False,
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("transaction_id", Text, ForeignKey("ledger_transactions.id"), primary_key=True),
    Column("account", Text, primary_key=True),
    Column("wallet_id", Text, ForeignKey("wallets.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    CheckConstraint(
        "account IN ('issued', 'available', 'held', 'claimed', 'spent', 'expired')", name="account"
    ),
    CheckConstraint("amount <> 0", name="amount"),
    # One B-tree instead of a table and its index: entries are the rows written most.
    sqlite_with_rowid=False,
)

# A statement's question, and "what was last?": everything else is found by its key.
Index(
    "ix_ledger_transactions_wallet_id_at", ledger_transactions.c.wallet_id, ledger_transactions.c.at
)

_APPEND_ONLY = (ledger_transactions, ledger_entries)


def append_only_sql(dialect: str) -> tuple[str, ...]:
    """Return the statements that make the journal append-only on ``dialect``.

    The same statements are run by ``metadata.create_all`` and by the migration that creates the
    tables, in this order, after both tables exist.

    Args:
        dialect: ``sqlite`` or ``postgresql``.

    Raises:
        ValueError: there are no triggers for that database.
    """
    if dialect == "sqlite":
        return tuple(
            statement for table in _APPEND_ONLY for statement in _sqlite_triggers(table.name)
        )
    if dialect == "postgresql":
        return (_POSTGRES_FUNCTION, *(_postgres_trigger(table.name) for table in _APPEND_ONLY))
    raise ValueError(f"no append-only triggers are written for {dialect!r}")


def add_append_only(table: Table) -> None:
    """Make another table append-only; ``metadata.create_all`` makes the triggers with it."""
    statements = [("sqlite", statement) for statement in _sqlite_triggers(table.name)]
    # The function may be there already: every statement stands for itself.
    statements += [
        ("postgresql", _POSTGRES_FUNCTION),
        ("postgresql", _postgres_trigger(table.name)),
    ]
    for dialect, statement in statements:
        trigger = DDL(statement)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", trigger.execute_if(dialect=dialect))


def _sqlite_triggers(table: str) -> tuple[str, str]:
    def trigger(verb: str) -> str:
        return (
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )

    return trigger("UPDATE"), trigger("DELETE")


_POSTGRES_FUNCTION = """\
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation';
END $$"""


def _postgres_trigger(table: str) -> str:
    # FOR EACH STATEMENT: TRUNCATE knows no other kind, and it costs an INSERT nothing.
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )


def _create_triggers_with_the_tables() -> None:
    # ledger_entries is created last: it refers to ledger_transactions.
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only_sql(dialect):
            trigger = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(ledger_entries, "after_create", trigger.execute_if(dialect=dialect))


_create_triggers_with_the_tables()
