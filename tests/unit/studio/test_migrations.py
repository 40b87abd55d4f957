"""The migrated database is the one that the code's tables describe, on both databases."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

import engine.batch  # noqa: F401 - with it comes every room that has tables
from studio.database import Database, metadata
from studio.database.migrate import configuration, migrate
from studio.errors import SetupIncomplete


def test_migrations_lead_to_the_tables_of_the_code(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_rows_of_batches_survive_that_lines_get_parts(database_url: str) -> None:
    database = Database(database_url)

    def before(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for words in (
            (
                "INSERT INTO batches (id, owner, name, source, rows, created_at)"
                " VALUES ('b', 'o', '', 'f.csv', 1, 0)"
            ),
            (
                'INSERT INTO batch_rows (batch, line, name, key, operation, "references", same_as)'
                " VALUES ('b', 2, 'fox', 'k', '{}', '[]', '')"
            ),
        ):
            connection.execute(text(words))

    database.write(before)
    migrate(database)

    def more(connection: Connection) -> list[Any]:
        connection.execute(
            text(
                "INSERT INTO batch_rows"
                ' (batch, line, part, name, key, operation, "references", same_as)'
                " VALUES ('b', 2, 1, 'owl', 'k', '{}', '[]', '')"
            )
        )
        query = text("SELECT line, part, name FROM batch_rows ORDER BY part")
        return list(connection.execute(query).tuples())

    assert database.write(more) == [(2, 0, "fox"), (2, 1, "owl")]
    database.close()


def constraints(database: Database) -> set[tuple[str, str | None, str]]:
    return {
        (table, check["name"], " ".join(check["sqltext"].split()))
        for table in metadata.tables
        for check in inspect(database.engine).get_check_constraints(table)
    }


def test_migrations_lead_to_the_same_checks(database: Database) -> None:
    """Alembic's comparison leaves checks out, and they are what keeps wallets from overdraft."""
    expected = constraints(database)
    assert ("wallets", "ck_wallets_never_overdrawn") in {each[:2] for each in expected}
    metadata.drop_all(database.engine)
    migrate(database)
    assert constraints(database) == expected


def test_the_books_are_append_only_after_a_migration(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    with pytest.raises(DatabaseError, match="append-only"):
        database.write(
            lambda c: (
                c.execute(text("INSERT INTO wallets VALUES ('w','o','active',0,0,0,0)")),
                c.execute(
                    text(
                        "INSERT INTO ledger_transactions"
                        " (id, wallet_id, kind, key, fingerprint, at)"
                        " VALUES ('t','w','top_up','k','f',0)"
                    )
                ),
                c.execute(text("UPDATE ledger_transactions SET kind = 'hold'")),
            )
        )
    database.close()


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    barrier = threading.Barrier(len(databases))
    errors: list[Exception] = []

    def start(database: Database) -> None:
        barrier.wait()
        try:
            migrate(database)
        except Exception as error:  # noqa: BLE001 - collected for the assertion
            errors.append(error)

    threads = [threading.Thread(target=start, args=(each,)) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in databases:
        each.close()
    assert errors == []


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    database = Database(database_url)
    migrate(database)
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    database.write(lambda connection: connection.execute(newer))
    with pytest.raises(SetupIncomplete, match="newer Image Studio"):
        migrate(database)
    database.close()
