"""Beginning the same work twice at the same moment, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from billing.ledger import HoldRequest, TopUpRequest, WalletRequest, hold, open_wallets, top_up
from engine import journal, opening
from engine.opening import Opened, Opening
from engine.tables import jobs
from studio.database import Database, GroupCommit
from studio.errors import HoldRefused
from studio.operations import Generate


@pytest.fixture
def paid_from(database: Database) -> str:
    """The id of a hold for ten of what is opened here."""
    request = HoldRequest("ada", "h", 10, datetime.now(UTC) + timedelta(hours=1), "a test")
    commits = GroupCommit(database)
    commits.submit(open_wallets, WalletRequest("ada")).result()
    commits.submit(top_up, TopUpRequest("ada", "t", 10, "tester", "a test")).result()
    identifier = commits.submit(hold, request).result().id
    commits.close()
    return identifier


def _opening(paid_from: str, worker: str, *, limit: int | None = None) -> Opening:
    return Opening(
        owner="ada", key="fox", hold=paid_from, run="run", worker=worker, label="fox",
        announce=True, operation=Generate(prompt="a fox", seed=1), pictures=(),
        offer="paid/painter", reason="a test", price=1, limit=limit,
    )  # fmt: skip


def test_two_processes_that_begin_the_same_work(database: Database, paid_from: str) -> None:
    """One begins it, the other one finds it; neither sees an error of the database."""
    for attempt in range(1, 6):
        barrier = Barrier(2, timeout=10)

        def race(worker: str, barrier: Barrier = barrier) -> Opened:
            commits = GroupCommit(database)
            barrier.wait()
            try:
                return commits.submit(opening.open_jobs, _opening(paid_from, worker)).result()
            finally:
                commits.close()

        with ThreadPoolExecutor(2) as threads:
            first, second = threads.map(race, ["wrk_a", "wrk_b"])
        assert {first.fresh, second.fresh} == {True, False}
        assert first.job.id == second.job.id
        assert first.job.attempt == attempt
        failure = journal.Failure(first.job, {"code": "x", "message": "x"}, "failed")
        commits = GroupCommit(database)
        commits.submit(journal.note_failure, failure).result()
        commits.close()
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar() == 5


def test_nothing_is_begun_above_its_part_of_the_hold(database: Database, paid_from: str) -> None:
    (answer,) = database.write(
        lambda connection: opening.open_jobs(connection, [_opening(paid_from, "wrk_a", limit=0)])
    )
    assert isinstance(answer, HoldRefused)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar() == 0
