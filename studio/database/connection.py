"""Opening the database, and the two ways to use it: ``read`` and ``write``."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from studio.errors import StudioUnavailable

Result = TypeVar("Result")

_BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

_LOOK_AGAIN_SECONDS = (0.002, 0.008)
"""Between two looks whether the write lock of SQLite is free, drawn anew each time."""

_WAL_SECONDS = 0.01
"""How long a process waits before it looks again whether another one has switched the file."""

_ATTEMPTS = 5
"""How often a write is tried when the database breaks a deadlock at its expense."""

_RETRYABLE_POSTGRES = {"40001", "40P01"}
"""serialization_failure and deadlock_detected (PostgreSQL manual, appendix A)."""

_WRITES = "studio_writes"


class Database:
    """A pool of connections to the studio's database.

    Args:
        url: a SQLAlchemy URL, ``sqlite:///…`` or ``postgresql+psycopg://…``; ``postgres://…`` and
            ``postgresql://…``, as those who rent out databases write it, are taken for the latter.
        durable: whether a commit waits for the disk. ``False`` is for benchmarks that want to
            know what the waiting costs; a power cut may then take the last commits with it.
        pool_size: connections kept open on Postgres.
    """

    def __init__(self, url: str, *, durable: bool = True, pool_size: int = 10) -> None:
        self.url = _with_driver(make_url(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._make_folder()
            self.engine = create_engine(self.url, connect_args={"timeout": _BUSY_SECONDS})
            _prepare_sqlite(self.engine, durable=durable)
        else:
            self.engine = create_engine(self.url, pool_size=pool_size, pool_pre_ping=True)
            if not durable:
                _relax_postgres(self.engine)

    def _make_folder(self) -> None:
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; it sees one moment on SQLite.

        Raises:
            StudioUnavailable: the database cannot be reached.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise _unavailable(error) from error

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in one transaction that may write, and commit it.

        On SQLite the write lock is taken at the start (``BEGIN IMMEDIATE``): a transaction that
        reads first and writes later could be refused half-way. ``work`` is called again when the
        database broke a deadlock at its expense, so it must have no effect but on the connection.

        Raises:
            StudioUnavailable: the database cannot be reached or stays busy.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.engine.connect() as connection:
                    writer = connection.execution_options(**{_WRITES: True})
                    with writer.begin():
                        return work(writer)
            except DBAPIError as error:
                if attempt < _ATTEMPTS and _lost_a_deadlock(error):
                    time.sleep(0.01 * 2**attempt)
                    continue
                if isinstance(error, OperationalError):
                    raise _unavailable(error) from error
                raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def restructure(self, work: Callable[[Connection], None]) -> None:
        """Run ``work``, which may make tables anew, in one transaction, and commit it.

        SQLite would take a table that is dropped for the deletion of its rows, so foreign keys
        are not enforced meanwhile but checked at the end (https://sqlite.org/lang_altertable.html,
        "Making Other Kinds Of Table Schema Changes").

        Raises:
            StudioUnavailable: the database cannot be reached or stays busy.
            RuntimeError: ``work`` left rows that refer to nothing; it is undone.
        """
        if not self.is_sqlite:
            self.write(work)
            return
        try:
            with self.engine.connect() as connection:
                _enforce_foreign_keys(connection, enforce=False)
                try:
                    with connection.execution_options(**{_WRITES: True}).begin():
                        work(connection)
                        _check_foreign_keys(connection)
                finally:
                    _enforce_foreign_keys(connection, enforce=True)
        except OperationalError as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _with_driver(url: URL) -> URL:
    plain = url.drivername in {"postgres", "postgresql"}
    return url.set(drivername="postgresql+psycopg") if plain else url


def _prepare_sqlite(engine: Engine, *, durable: bool) -> None:
    """Set what SQLite needs per connection, and take over when its transactions begin."""

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # pysqlite would begin transactions by itself, and late; we say BEGIN ourselves below.
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_wal(cursor)
        cursor.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "invalidate")
    def undo(connection: Any, _record: Any, _error: BaseException | None) -> None:
        # After Ctrl-C or a cancelled task SQLAlchemy closes the connection. SQLite would keep its
        # transaction, and with it the write lock, until the last cursor is collected.
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES, False):
            _begin_to_write(connection)
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Take the write lock as soon as it is free.

    SQLite's own waiting looks less and less often, ten times a second in the end (``busy_timeout``,
    https://sqlite.org/c3ref/busy_timeout.html): beside a process that writes all the time, one that
    has waited for long would be overtaken by all who come fresh.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    _wait_for_locks(connection, 0)
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            else:
                return
            time.sleep(random.uniform(*_LOOK_AGAIN_SECONDS))
    finally:
        _wait_for_locks(connection, _BUSY_SECONDS)


def _wait_for_locks(connection: Connection, seconds: int) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {seconds * 1000}")
    cursor.close()


def _is_busy(error: OperationalError) -> bool:
    # The low byte of an extended result code is its kind (https://sqlite.org/rescode.html).
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _enforce_foreign_keys(connection: Connection, *, enforce: bool) -> None:
    # By the driver: within a transaction, which SQLAlchemy would begin, this has no effect.
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys = {'ON' if enforce else 'OFF'}")
    cursor.close()


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(f"a row of {broken[0]} refers to nothing in {broken[2]}")


def _use_wal(cursor: Any) -> None:
    """Switch the file to WAL, where it is not yet.

    Processes that open a new file together would all switch it; SQLite answers "locked" at once
    to all but one of them, without the busy time-out that it grants to everything else.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_WAL_SECONDS)


def _relax_postgres(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        connection.commit()


def _unavailable(error: OperationalError) -> StudioUnavailable:
    return StudioUnavailable(
        f"The studio's database did not answer: {type(error.orig).__name__}. "
        "Nothing was changed by this step; `studio doctor` tells more."
    )


def _lost_a_deadlock(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _RETRYABLE_POSTGRES
