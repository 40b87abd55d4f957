"""Bringing a database to the newest form of its tables, at every start."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from studio.database.connection import Database
from studio.errors import SetupIncomplete

_MIGRATION_LOCK = 0x494D475354554449
"""A number of our own ("IMGSTUDI") for Postgres's advisory lock; SQLite has its one write lock."""

_SCRIPTS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Return Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def migrate(database: Database) -> None:
    """Apply the migrations that ``database`` lacks; quick when it lacks none.

    Two processes may start at once: the second waits for the first one's transaction.

    Raises:
        SetupIncomplete: the database was made by a newer Image Studio.
        StudioUnavailable: it cannot be reached.
    """
    with database.read() as connection:
        if _revision(connection) == _newest():
            return
    database.restructure(_upgrade)


@cache
def _newest() -> str | None:
    """Return the newest migration; to find it, Alembic runs the files of all."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    revision = _revision(connection)
    scripts = ScriptDirectory.from_config(configuration())
    if revision is not None and revision not in {s.revision for s in scripts.walk_revisions()}:
        raise SetupIncomplete(
            f"The database was made by a newer Image Studio (its form is {revision}). "
            "Install that version, or name another database in STUDIO_DATABASE_URL."
        )
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
