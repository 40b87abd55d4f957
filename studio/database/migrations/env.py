"""Runs migrations on the connection that ``studio.database.migrate`` opened."""

from alembic import context

from studio.database.schema import belongs_to_code, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table; Alembic copies it instead.
    render_as_batch=True,
    include_name=belongs_to_code,
)
# The transaction is the caller's: all migrations are applied, or none.
context.run_migrations()
