"""Channels, and for each message and channel a delivery of its own."""

import sqlalchemy as sa
from alembic import op


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. What was given up until now belonged to all channels of the settings."""
    op.execute("CREATE TABLE outbox_before AS SELECT * FROM outbox")
    op.drop_table("outbox")
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'routed')", name=op.f("ck_outbox_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event", "subject", name=op.f("uq_outbox_event_subject")),
    )
    op.create_index("ix_outbox_state_created_at", "outbox", ["state", "created_at"])
    op.execute(
        "INSERT INTO outbox (id, owner, event, subject, payload, state, created_at) "
        "SELECT id, owner, event, subject, payload, "
        "CASE state WHEN 'waiting' THEN 'waiting' ELSE 'routed' END, created_at FROM outbox_before"
    )
    _make_channels()
    op.execute(
        "INSERT INTO deliveries (message, channel, state, together, attempts, next_at, error) "
        "SELECT id, 'settings/1', 'given_up', 0, attempts, next_at, error FROM outbox_before "
        "WHERE state = 'given_up'"
    )
    op.drop_table("outbox_before")


def _make_channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("rhythm", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "rhythm IN ('immediately', 'hourly', 'daily')", name=op.f("ck_channels_rhythm")
        ),
        sa.CheckConstraint(
            "address LIKE 'env:%' OR address LIKE 'file:%'", name=op.f("ck_channels_address")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_channels_owner_name")),
    )
    op.create_table(
        "deliveries",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("together", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'given_up')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["message"], ["outbox.id"], name=op.f("fk_deliveries_message_outbox")
        ),
        sa.PrimaryKeyConstraint("message", "channel", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_state_next_at", "deliveries", ["state", "next_at"])
