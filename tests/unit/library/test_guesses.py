"""Guessing is counted in the database: for all processes, over restarts, and also many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from library.guesses import KEPT, Bound, forget_guesses, give_back, seconds_to_wait, take_guess
from studio import clock
from studio.database import Database

BOUND = Bound(3, timedelta(minutes=10))


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    moment = [datetime(2026, 11, 30, 12, 0, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def take(database: Database, key: str = "a") -> bool:
    return database.write(lambda connection: take_guess(connection, key, BOUND))


def wait(database: Database, key: str = "a") -> int:
    with database.read() as connection:
        return seconds_to_wait(connection, key, BOUND)


def test_so_many_guesses_are_allowed_in_so_long_a_time(
    database: Database, today: list[datetime]
) -> None:
    assert [take(database) for _ in range(5)] == [True, True, True, False, False]
    assert wait(database) == 600
    assert (take(database, "b"), wait(database, "b")) == (True, 0)
    today[0] += timedelta(minutes=4)
    assert (take(database), wait(database)) == (False, 360)
    today[0] += timedelta(minutes=6)
    assert wait(database) == 0
    assert [take(database) for _ in range(4)] == [True, True, True, False]


def test_a_right_one_is_given_back(database: Database, today: list[datetime]) -> None:
    assert today
    for _ in range(5):
        assert take(database)
        database.write(lambda connection: give_back(connection, "a"))
    assert wait(database) == 0


def test_of_many_at_once_no_more_are_allowed(database: Database) -> None:
    with ThreadPoolExecutor(6) as threads:
        allowed = list(threads.map(lambda _: take(database), range(12)))
    assert allowed.count(True) == 3


def test_it_is_there_after_a_restart_and_forgotten_in_time(
    sqlite_url: str, sqlite_database: Database, today: list[datetime]
) -> None:
    for _ in range(3):
        take(sqlite_database)
    again = Database(sqlite_url)
    assert not take(again)
    again.close()
    assert sqlite_database.write(forget_guesses) == 0
    today[0] += KEPT + timedelta(seconds=1)
    assert sqlite_database.write(forget_guesses) == 1
