"""Who writes to SQLite waits for the lock without being overtaken for long, and not for ever."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from studio.database import Database, connection
from studio.errors import StudioUnavailable


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'studio.db'}")) as opened:
        opened.write(lambda it: it.exec_driver_sql("CREATE TABLE notes (text)"))
        yield opened


@pytest.fixture
def other(database: Database) -> Iterator[sqlite3.Connection]:
    """A connection of another process, as it were, that has the lock."""
    with closing(
        sqlite3.connect(str(database.url.database), isolation_level=None, check_same_thread=False)
    ) as held:
        held.execute("BEGIN IMMEDIATE")
        yield held


def note(writer: Connection) -> None:
    writer.exec_driver_sql("INSERT INTO notes VALUES ('a')")


def count(database: Database) -> Any:
    with database.read() as reader:
        return reader.exec_driver_sql("SELECT count(*) FROM notes").scalar()


def test_who_has_waited_for_long_still_looks_often(
    database: Database, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own waiting comes to ten looks a second."""
    looks: list[float] = []
    waited = threading.Event()

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 100:
            waited.set()
        threading.Event().wait(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    writing = threading.Thread(target=database.write, args=(note,))
    writing.start()
    assert waited.wait(60)
    assert count(database) == 0
    other.execute("COMMIT")
    writing.join(60)
    assert count(database) == 1
    assert max(looks) <= 0.01


def test_it_gives_up_in_the_end_and_can_write_later(
    database: Database, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_BUSY_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(StudioUnavailable, match="did not answer"):
        database.write(note)
    assert time.monotonic() - began >= 0.1
    other.execute("COMMIT")
    database.write(note)
    assert count(database) == 1


def test_other_locks_are_waited_for_as_before(database: Database) -> None:
    seen: list[int] = []

    def look(writer: Connection) -> None:
        seen.append(writer.exec_driver_sql("PRAGMA busy_timeout").scalar_one())

    database.write(look)
    with database.read() as reader:
        look(reader)
    assert seen == [30_000, 30_000]
