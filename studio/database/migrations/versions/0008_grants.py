"""Grants: what came into a wallet and when it expires, which of it pays for which hold."""

import sqlalchemy as sa
from alembic import op


revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# SQLite drops the triggers with the tables that are made anew; on Postgres they only rest.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END",
        "CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END",
        "CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END",
        "CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END",
    ),
    "postgresql": (
        "ALTER TABLE ledger_transactions ENABLE TRIGGER ledger_transactions_append_only",
    ),
}

KINDS = "kind IN ('top_up', 'adjust', 'refund', 'hold', 'claim', 'capture', 'give_back', 'release', 'expire', 'lapse')"
ACCOUNTS = "account IN ('issued', 'available', 'held', 'claimed', 'spent', 'expired')"
NEVER_OVERDRAWN = "granted - captured - held - expired >= 0"
LEFT = sa.text("amount > allocated + withdrawn + expired")

# Until now a wallet's credits had no origin: each top-up becomes a grant that never expires.
GRANTS = """
INSERT INTO grants (id, wallet_id, kind, key, amount, allocated, withdrawn, expired, expires_at, created_at)
SELECT 'grant_' || substr(made.id, 5), made.wallet_id, 'top_up', made.key, moved.amount, 0, 0, 0, NULL, made.at
FROM ledger_transactions AS made
JOIN ledger_entries AS moved ON moved.transaction_id = made.id AND moved.account = 'available'
WHERE made.kind = 'top_up'
"""

# The holds' amounts, laid end to end, over the grants' amounts, laid end to end, oldest first.
ALLOCATIONS = """
INSERT INTO allocations (hold_id, position, grant_id, amount)
SELECT hold_id, row_number() OVER (PARTITION BY hold_id ORDER BY starts) - 1, grant_id, amount
FROM (
    SELECT
        hold.id AS hold_id,
        paying.id AS grant_id,
        paying.starts AS starts,
        CASE WHEN hold.ends < paying.ends THEN hold.ends ELSE paying.ends END
        - CASE WHEN hold.starts > paying.starts THEN hold.starts ELSE paying.starts END AS amount
    FROM (
        SELECT id, wallet_id, ends - kept AS starts, ends
        FROM (
            SELECT
                id,
                wallet_id,
                amount - released AS kept,
                sum(amount - released) OVER (PARTITION BY wallet_id ORDER BY created_at, id) AS ends
            FROM holds
        ) AS kept
        WHERE kept > 0
    ) AS hold
    JOIN (
        SELECT
            id,
            wallet_id,
            sum(amount) OVER (PARTITION BY wallet_id ORDER BY created_at, id) - amount AS starts,
            sum(amount) OVER (PARTITION BY wallet_id ORDER BY created_at, id) AS ends
        FROM grants
    ) AS paying
    ON paying.wallet_id = hold.wallet_id AND paying.starts < hold.ends AND paying.ends > hold.starts
) AS paid
"""

ALLOCATED = """
UPDATE grants SET allocated = paid.total
FROM (SELECT grant_id, sum(amount) AS total FROM allocations GROUP BY grant_id) AS paid
WHERE paid.grant_id = grants.id
"""

NAMED = """
UPDATE ledger_transactions SET grant_id = 'grant_' || substr(id, 5) WHERE kind = 'top_up'
"""


def upgrade() -> None:
    """Make the tables, give every earlier top-up its grant, and every hold its grants."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        _remake_wallets()
    else:
        _alter_wallets()
    _make_grants()
    op.execute(GRANTS)
    op.execute(ALLOCATIONS)
    op.execute(ALLOCATED)
    if sqlite:
        _remake_transactions()
        _remake_entries()
    else:
        _alter_journal()
    _make_withdrawals()
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _alter_wallets() -> None:
    # The default is for the rows that are there; from now on the ledger gives every amount itself.
    expired = sa.Column("expired", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("wallets", expired)
    op.alter_column("wallets", "expired", server_default=None)
    op.drop_constraint(op.f("ck_wallets_never_overdrawn"), "wallets", type_="check")
    op.create_check_constraint(op.f("ck_wallets_never_overdrawn"), "wallets", NEVER_OVERDRAWN)
    op.create_check_constraint(op.f("ck_wallets_expired"), "wallets", "expired >= 0")


def _alter_journal() -> None:
    op.add_column("ledger_transactions", sa.Column("grant_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ledger_transactions_grant_id_grants"),
        "ledger_transactions",
        "grants",
        ["grant_id"],
        ["id"],
    )
    for table, name, condition in (
        ("ledger_transactions", "ck_ledger_transactions_kind", KINDS),
        ("ledger_entries", "ck_ledger_entries_account", ACCOUNTS),
    ):
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, condition)
    op.execute("ALTER TABLE ledger_transactions DISABLE TRIGGER ledger_transactions_append_only")
    op.execute(NAMED)
    # Postgres alters no table that has checks of foreign keys to come, such as the update's.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _index_refunds()


def _index_refunds() -> None:
    op.create_index(
        "ix_ledger_transactions_refund_claim_id",
        "ledger_transactions",
        ["claim_id"],
        unique=False,
        sqlite_where=sa.text("kind = 'refund'"),
        postgresql_where=sa.text("kind = 'refund'"),
    )


def _take_the_place(table: str, columns: str, values: str) -> None:
    """Fill ``new_<table>`` from ``table`` and call it so; SQLite cannot change a CHECK."""
    op.execute(f"INSERT INTO new_{table} ({columns}) SELECT {values} FROM {table}")  # noqa: S608 - our own names
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)


def _remake_wallets() -> None:
    op.create_table(
        "new_wallets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended')", name=op.f("ck_wallets_state")),
        sa.CheckConstraint("captured >= 0", name=op.f("ck_wallets_captured")),
        sa.CheckConstraint("expired >= 0", name=op.f("ck_wallets_expired")),
        sa.CheckConstraint(NEVER_OVERDRAWN, name=op.f("ck_wallets_never_overdrawn")),
        sa.CheckConstraint(
            "granted >= 0 AND granted <= 1000000000000000", name=op.f("ck_wallets_granted")
        ),
        sa.CheckConstraint("held >= 0", name=op.f("ck_wallets_held")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallets")),
        sa.UniqueConstraint("owner", name=op.f("uq_wallets_owner")),
    )
    _take_the_place(
        "wallets",
        "id, owner, state, granted, held, captured, expired, created_at",
        "id, owner, state, granted, held, captured, 0, created_at",
    )


def _remake_transactions() -> None:
    op.create_table(
        "new_ledger_transactions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("wallet_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("hold_id", sa.Text(), nullable=True),
        sa.Column("claim_id", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_ledger_transactions_kind")),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_ledger_transactions_claim_id_claims")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_ledger_transactions_grant_id_grants")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_ledger_transactions_hold_id_holds")
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["wallets.id"], name=op.f("fk_ledger_transactions_wallet_id_wallets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transactions")),
        sa.UniqueConstraint(
            "wallet_id", "kind", "key", name=op.f("uq_ledger_transactions_wallet_id_kind_key")
        ),
    )
    columns = "id, wallet_id, kind, key, fingerprint, {}, hold_id, claim_id, author, reason, at"
    _take_the_place(
        "ledger_transactions",
        columns.format("grant_id"),
        columns.format("CASE WHEN kind = 'top_up' THEN 'grant_' || substr(id, 5) END"),
    )
    op.create_index(
        "ix_ledger_transactions_wallet_id_at", "ledger_transactions", ["wallet_id", "at"]
    )
    _index_refunds()


def _remake_entries() -> None:
    op.create_table(
        "new_ledger_entries",
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("wallet_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(ACCOUNTS, name=op.f("ck_ledger_entries_account")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entries_amount")),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transactions.id"],
            name=op.f("fk_ledger_entries_transaction_id_ledger_transactions"),
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["wallets.id"], name=op.f("fk_ledger_entries_wallet_id_wallets")
        ),
        sa.PrimaryKeyConstraint("transaction_id", "account", name=op.f("pk_ledger_entries")),
        sqlite_with_rowid=False,
    )
    columns = "transaction_id, account, wallet_id, amount"
    _take_the_place("ledger_entries", columns, columns)


def _make_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("wallet_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('top_up', 'period', 'adjustment', 'refund')", name=op.f("ck_grants_kind")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_grants_amount")),
        sa.CheckConstraint(
            "allocated >= 0 AND withdrawn >= 0 AND expired >= 0",
            name=op.f("ck_grants_not_negative"),
        ),
        sa.CheckConstraint(
            "allocated + withdrawn + expired <= amount", name=op.f("ck_grants_covered")
        ),
        sa.CheckConstraint(
            "expired = 0 OR expires_at IS NOT NULL", name=op.f("ck_grants_expired_by_its_expiry")
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["wallets.id"], name=op.f("fk_grants_wallet_id_wallets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    for name, columns in (
        ("ix_grants_left_wallet_id_expires_at", ["wallet_id", "expires_at"]),
        ("ix_grants_left_expires_at", ["expires_at"]),
    ):
        op.create_index(
            name, "grants", columns, unique=False, sqlite_where=LEFT, postgresql_where=LEFT
        )
    op.create_table(
        "allocations",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_allocations_amount")),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_allocations_grant_id_grants")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_allocations_hold_id_holds")
        ),
        sa.PrimaryKeyConstraint("hold_id", "position", name=op.f("pk_allocations")),
        sqlite_with_rowid=False,
    )


def _make_withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_withdrawals_amount")),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_withdrawals_grant_id_grants")
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transactions.id"],
            name=op.f("fk_withdrawals_transaction_id_ledger_transactions"),
        ),
        sa.PrimaryKeyConstraint("transaction_id", "grant_id", name=op.f("pk_withdrawals")),
        sqlite_with_rowid=False,
    )
