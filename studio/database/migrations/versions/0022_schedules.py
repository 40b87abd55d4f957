"""Policies of schedules, what became of their occurrences, and files of watched folders."""

import sqlalchemy as sa
from alembic import op


revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schedule_occurrences",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), server_default="", nullable=False),
        sa.Column("batch", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('owed', 'waiting', 'running', 'ended', 'skipped', 'missed')",
            name=op.f("ck_schedule_occurrences_state"),
        ),
        sa.PrimaryKeyConstraint("schedule", "due", name=op.f("pk_schedule_occurrences")),
    )
    op.create_table(
        "schedules",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("missed", sa.Text(), nullable=False),
        sa.Column("bound", sa.Integer(), nullable=False),
        sa.Column("grace", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("missed IN ('skip', 'once', 'all')", name=op.f("ck_schedules_missed")),
        sa.CheckConstraint(
            "overlap IN ('skip', 'queue', 'cancel')", name=op.f("ck_schedules_overlap")
        ),
        sa.CheckConstraint("bound >= 1 AND grace > 0", name=op.f("ck_schedules_limits")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_schedules")),
    )
    op.create_table(
        "incoming_files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('taken', 'done', 'failed')", name=op.f("ck_incoming_files_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_files")),
        sa.UniqueConstraint(
            "owner",
            "folder",
            "name",
            "written",
            "sha256",
            name=op.f("uq_incoming_files_owner_folder_name_written_sha256"),
        ),
    )
    op.create_index(
        "ix_incoming_files_owner_folder_state",
        "incoming_files",
        ["owner", "folder", "state"],
        unique=False,
    )
