"""Group commit: many callers, few transactions, and nobody suffers for a neighbour."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from studio.database import Database, GroupCommit
from studio.errors import Conflict

POISON = -1
REFUSED = -2


@pytest.fixture
def commits(sqlite_database: Database) -> Iterator[GroupCommit]:
    sqlite_database.write(lambda c: c.execute(text("CREATE TABLE kept (n INTEGER)")))
    commits = GroupCommit(sqlite_database)
    yield commits
    commits.close()


def _keep(connection: Connection, units: Sequence[int]) -> Sequence[int | Exception]:
    """Keep numbers; answers each with its double, or an error that concerns it alone."""
    for unit in units:
        if unit != REFUSED:
            connection.execute(text("INSERT INTO kept VALUES (:n)"), {"n": unit})
    if POISON in units:
        raise ValueError("poison")
    return [Conflict("refused") if unit == REFUSED else 2 * unit for unit in units]


def _kept(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(connection.execute(text("SELECT n FROM kept")).scalars())


class _Gate:
    """Holds the writer up, so that what is submitted meanwhile becomes one group."""

    def __init__(self, commits: GroupCommit) -> None:
        self._commits = commits
        self._entered = threading.Event()
        self._open = threading.Event()

    def _wait(self, _connection: Connection, units: Sequence[None]) -> Sequence[None]:
        self._entered.set()
        assert self._open.wait(10)
        return units

    def __enter__(self) -> None:
        self._commits.submit(self._wait, None)
        assert self._entered.wait(10)

    def __exit__(self, *_: object) -> None:
        self._open.set()


def test_a_group_shares_its_transaction(commits: GroupCommit, sqlite_database: Database) -> None:
    groups: list[int] = []

    def counted(connection: Connection, units: Sequence[int]) -> Sequence[int | Exception]:
        groups.append(len(units))
        return _keep(connection, units)

    with _Gate(commits):
        futures = [commits.submit(counted, number) for number in range(50)]
    assert [future.result(10) for future in futures] == [2 * number for number in range(50)]
    assert groups == [50]
    assert _kept(sqlite_database) == list(range(50))


def test_a_poisoned_unit_takes_nobody_with_it(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    with _Gate(commits):
        futures = [commits.submit(_keep, number) for number in (1, POISON, 2, REFUSED, 3)]
    assert [futures[place].result(10) for place in (0, 2, 4)] == [2, 4, 6]
    with pytest.raises(ValueError, match="poison"):
        futures[1].result(10)
    with pytest.raises(Conflict):
        futures[3].result(10)
    assert _kept(sqlite_database) == [1, 2, 3]


def test_a_handler_that_forgets_an_answer_is_a_fault_of_its_group(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    def forgets(connection: Connection, units: Sequence[int]) -> Sequence[int | Exception]:
        return _keep(connection, units)[1:]

    with pytest.raises(ValueError, match="shorter"):
        commits.submit(forgets, 1).result(10)
    assert commits.submit(_keep, 2).result(10) == 4
    assert _kept(sqlite_database) == [2]


def test_a_unit_cancelled_while_it_waits_is_not_written(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    with _Gate(commits):
        futures = [commits.submit(_keep, number) for number in range(4)]
        assert futures[1].cancel()
        assert futures[3].cancel()
    assert futures[0].result(10) == 0
    with pytest.raises(CancelledError):
        futures[1].result(10)
    assert futures[2].result(10) == 4
    assert _kept(sqlite_database) == [0, 2]


def test_a_unit_that_is_being_written_cannot_be_cancelled(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    refused: list[bool] = []

    def late(connection: Connection, units: Sequence[int]) -> Sequence[int | Exception]:
        refused.append(ready.wait(10) and not mine[0].cancel())
        return _keep(connection, units)

    ready = threading.Event()
    mine: list[Future[Any]] = [commits.submit(late, 7)]
    ready.set()
    assert mine[0].result(10) == 14
    assert refused == [True]
    assert _kept(sqlite_database) == [7]


def test_close_writes_what_is_queued_and_takes_no_more(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    with _Gate(commits):
        futures = [commits.submit(_keep, number) for number in range(700)]
    commits.close()
    assert all(future.done() for future in futures)
    assert len(_kept(sqlite_database)) == 700
    with pytest.raises(RuntimeError):
        commits.submit(_keep, 1)
    commits.close()


def test_every_unit_of_a_crowd_is_answered_or_refused_at_closing(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    """Whoever got a future gets an answer, also who came while the door was closing."""
    begun = threading.Barrier(5)

    def crowd(start: int) -> list[Future[Any]]:
        futures: list[Future[Any]] = []
        begun.wait(10)
        for number in range(start, start + 400):
            try:
                futures.append(commits.submit(_keep, number))
            except RuntimeError:
                break
        return futures

    with ThreadPoolExecutor(4) as threads:
        crowds = [threads.submit(crowd, 1_000 * lane) for lane in range(4)]
        begun.wait(10)
        commits.close()
        futures = [future for each in crowds for future in each.result(20)]
    for future in futures:
        future.result(10)
    assert len(_kept(sqlite_database)) == len(futures)


def test_coroutines_await_the_answers_of_a_group_and_are_woken_once(
    commits: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> list[Any]:
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe

        def counted(*arguments: Any) -> Any:
            wakes.append(threading.current_thread())
            return wake(*arguments)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        with _Gate(commits):
            asked = [commits.awaited(commits.submit(_keep, n)) for n in (1, REFUSED, 3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    wakes: list[threading.Thread] = []
    one, refused, three = asyncio.run(ask())
    assert (one, three) == (2, 6)
    assert isinstance(refused, Conflict)
    assert len(wakes) == 1


def test_a_coroutine_that_asks_late_or_leaves_early_does_no_harm(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    async def ask() -> None:
        there = commits.submit(_keep, 1)
        there.result(10)
        assert await commits.awaited(there) == 2
        with _Gate(commits):
            stays, leaves = (commits.awaited(commits.submit(_keep, n)) for n in (2, 3))
            leaves.cancel()
            await asyncio.sleep(0)  # the cancellation reaches the unit
        assert await stays == 4
        with pytest.raises(asyncio.CancelledError):
            await leaves

    asyncio.run(ask())
    assert _kept(sqlite_database) == [1, 2]


def test_a_loop_that_is_gone_keeps_nobody_else_from_an_answer(
    commits: GroupCommit, sqlite_database: Database
) -> None:
    async def leave_behind() -> None:
        commits.awaited(commits.submit(_keep, 1))

    with _Gate(commits):
        asyncio.run(leave_behind())
        after = commits.submit(_keep, 2)
    assert after.result(10) == 4
    assert commits.submit(_keep, 3).result(10) == 6
    assert 2 in _kept(sqlite_database)
