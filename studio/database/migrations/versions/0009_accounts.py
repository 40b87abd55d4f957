"""Accounts: members, plans, budgets, and for whom each hold was placed."""

import sqlalchemy as sa
from alembic import op


revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER account_events_no_update BEFORE UPDATE ON account_events BEGIN SELECT RAISE(ABORT, 'account_events is append-only'); END",
        "CREATE TRIGGER account_events_no_delete BEFORE DELETE ON account_events BEGIN SELECT RAISE(ABORT, 'account_events is append-only'); END",
    ),
    "postgresql": (
        "CREATE TRIGGER account_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_events FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()",
    ),
}


def upgrade() -> None:
    """Make the tables. Holds of before were placed for nobody in particular, and count nowhere."""
    _make_accounts()
    _make_admissions()
    _make_budgets()
    op.add_column("claims", sa.Column("operation", sa.Text(), server_default="", nullable=False))
    op.drop_index("ix_claims_active_hold_id", "claims")
    op.create_index("ix_claims_hold_id_state", "claims", ["hold_id", "state"])
    _partial_index("ix_holds_open_wallet_id", "holds", "state = 'open'")
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _make_accounts() -> None:
    op.create_table(
        "members",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'member', 'admin')", name=op.f("ck_members_role")),
        sa.PrimaryKeyConstraint("workspace", "user", name=op.f("pk_members")),
    )
    op.create_table(
        "accounts",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("book", sa.Text(), nullable=True),
        sa.Column("next_plan", sa.Text(), nullable=True),
        sa.Column("cycle", sa.Text(), nullable=True),
        sa.Column("anchor", sa.BigInteger(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("granted_period", sa.Integer(), nullable=True),
        sa.Column("low_balance", sa.BigInteger(), nullable=True),
        sa.Column("low_told", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cycle IN ('monthly', 'yearly')", name=op.f("ck_accounts_cycle")),
        sa.CheckConstraint(
            "(plan IS NULL) = (book IS NULL) AND (plan IS NULL) = (cycle IS NULL) "
            "AND (plan IS NULL) = (anchor IS NULL) AND (plan IS NULL) = (zone IS NULL) "
            "AND (plan IS NULL) = (granted_period IS NULL)",
            name=op.f("ck_accounts_plan_whole"),
        ),
        sa.CheckConstraint("low_balance >= 0", name=op.f("ck_accounts_low_balance")),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_accounts")),
    )
    op.create_table(
        "account_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_events")),
    )
    op.create_index("ix_account_events_owner_id", "account_events", ["owner", "id"])


def _make_admissions() -> None:
    op.create_table(
        "admissions",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("wallet_id", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_admissions_spent")),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["holds.id"], name=op.f("fk_admissions_hold_id_holds")
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["wallets.id"], name=op.f("fk_admissions_wallet_id_wallets")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_admissions")),
    )
    op.create_index("ix_admissions_wallet_id_created_at", "admissions", ["wallet_id", "created_at"])
    _partial_index("ix_admissions_open_wallet_id", "admissions", "spent IS NULL")
    op.create_table(
        "uses",
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("wallet_id", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_uses_count")),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_uses_hold_id_holds")),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["wallets.id"], name=op.f("fk_uses_wallet_id_wallets")
        ),
        sa.PrimaryKeyConstraint("hold_id", "operation", name=op.f("pk_uses")),
    )
    op.create_index(
        "ix_uses_wallet_id_operation_created_at", "uses", ["wallet_id", "operation", "created_at"]
    )
    _partial_index("ix_uses_open_wallet_id", "uses", "final = 0")


def _make_budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "scope IN ('workspace', 'user', 'project')", name=op.f("ck_budgets_scope")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_budgets_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
        sa.UniqueConstraint("owner", "scope", "name", name=op.f("uq_budgets_owner_scope_name")),
    )
    op.create_table(
        "budget_alerts",
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "budget_id", "period_start", "threshold", name=op.f("pk_budget_alerts")
        ),
    )


def _partial_index(name: str, table: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, ["wallet_id"], sqlite_where=where, postgresql_where=where)
