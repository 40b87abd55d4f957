"""What it costs to be let in to a provider's account, and to leave again.

Alone, and with 64 callers that come together. An admission is two group commits, a poll is one.
Beside them in the same run: the limit, a bare update of one row through the same group commit; and
the peer, Prefect's own concurrency limit on a server with our profile.

Usage: python -m benchmarks.pacing [--rounds 300] [--peer-rounds 40] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import Connection, bindparam, text, update

from benchmarks.common import show
from deployments.server import running_server
from providers.pacing import AccountLimits, Pacer, Window
from providers.pacing.tables import pacing_accounts
from studio.database import Database, GroupCommit
from studio.database.migrate import migrate
from studio.settings import Settings
from tests.support.databases import running_postgres

CALLERS = 64
ACCOUNT = "painter:0123456789ab"
# So wide that nobody ever waits: what is measured is the cost, not the limit.
LIMITS = AccountLimits(images=(Window(count=100_000, seconds=60),), concurrent=1_000)

Work = Callable[[], Awaitable[None]]


@contextmanager
def sqlite(*, durable: bool) -> Iterator[Database]:
    """Open a SQLite database with the studio's tables."""
    with tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as folder:
        database = Database(f"sqlite:///{folder}/studio.db", durable=durable)
        migrate(database)
        yield database
        database.close()


@contextmanager
def postgres() -> Iterator[Database]:
    """Start a Postgres that waits for the disk, and open a database with the studio's tables."""
    with running_postgres(durable=True) as server:
        database = Database(server.create_database())
        migrate(database)
        yield database
        database.close()


async def timed(work: Work, rounds: int, callers: int) -> tuple[list[float], float]:
    """Return how long each call took in ms, and how many there were in a second."""
    taken: list[float] = []

    async def caller(number: int) -> None:
        for _ in range(number):
            began = time.perf_counter()
            await work()
            taken.append((time.perf_counter() - began) * 1_000)

    await asyncio.gather(*(caller(max(1, rounds // 10)) for _ in range(callers)))
    taken.clear()
    began = time.perf_counter()
    await asyncio.gather(*(caller(rounds) for _ in range(callers)))
    return taken, len(taken) / (time.perf_counter() - began)


def admissions(database: Database, rounds: int, callers: int) -> tuple[list[float], float]:
    """Measure entering and leaving; what leaves last is committed before the time is taken."""
    commits = GroupCommit(database)
    pacer = Pacer(database, commits, "wrk_bench")

    async def enter_and_leave() -> None:
        async with pacer.admission(ACCOUNT, LIMITS, kind="images", patience=60):
            pass

    try:
        return asyncio.run(timed(enter_and_leave, rounds, callers))
    finally:
        pacer.close()
        commits.close()


def polls(database: Database, rounds: int, callers: int) -> tuple[list[float], float]:
    """Measure requests that take no slot."""
    commits = GroupCommit(database)
    pacer = Pacer(database, commits, "wrk_bench")
    limits = AccountLimits(requests=LIMITS.images)

    async def ask() -> None:
        await pacer.request(ACCOUNT, limits, patience=60)

    try:
        return asyncio.run(timed(ask, rounds, callers))
    finally:
        pacer.close()
        commits.close()


_BARE = (
    update(pacing_accounts)
    .where(pacing_accounts.c.account == bindparam("name"))
    .values(failures=pacing_accounts.c.failures + 1)
)


def bare(connection: Connection, units: Sequence[str]) -> Sequence[None]:
    """Do the least that a durable change takes."""
    connection.execute(_BARE, [{"name": each} for each in units])
    return [None] * len(units)


def limit(database: Database, rounds: int, callers: int) -> tuple[list[float], float]:
    """Measure one bare update of one row through the group commit."""
    commits = GroupCommit(database)
    row = {"account": "bare"}
    database.write(
        lambda connection: connection.execute(
            text("INSERT INTO pacing_accounts (account) VALUES (:account) ON CONFLICT DO NOTHING"),
            row,
        )
    )

    async def change() -> None:
        await asyncio.wrap_future(commits.submit(bare, "bare"))

    try:
        return asyncio.run(timed(change, rounds, callers))
    finally:
        commits.close()


MEASURED = {
    "admission: enter and leave": admissions,
    "request: a poll": polls,
    "limit: one bare update": limit,
}


def ours(rounds: int, where: str, database: Database) -> list[dict[str, str]]:
    """Return the rows of the table for one database."""
    return [
        _row(what, where, callers, *measure(database, max(rounds // callers, 10), callers))
        for callers in (1, CALLERS)
        for what, measure in MEASURED.items()
    ]


def peer(rounds: int) -> list[dict[str, str]]:
    """Return the rows of Prefect's concurrency limit, on a server with our profile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as home,
        running_server(Settings(home=Path(home), prefect_port=port)),
    ):
        return asyncio.run(_peer(rounds))


async def _peer(rounds: int) -> list[dict[str, str]]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.concurrency.asyncio import concurrency

    async with get_client() as client:
        await client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name="painter", limit=1_000)
        )

    async def enter_and_leave() -> None:
        async with concurrency("painter", strict=True):
            pass

    what, where = "peer: Prefect concurrency()", "Prefect server"
    alone = await timed(enter_and_leave, rounds, 1)
    many = await timed(enter_and_leave, max(rounds // CALLERS, 1), CALLERS)
    return [_row(what, where, 1, *alone), _row(what, where, CALLERS, *many)]


def _row(what: str, where: str, callers: int, taken: list[float], rate: float) -> dict[str, Any]:
    return {
        "what": what,
        "database": where,
        "callers": callers,
        "ms each (1000 / rate)": f"{1_000 / rate:.2f}",
        "ms, median": f"{median(taken):.2f}",
        "ms, p99": f"{quantiles(taken, n=100)[98]:.2f}",
        "per second": f"{rate:.0f}",
    }


def main() -> None:
    """Measure every database, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--peer-rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    table: list[dict[str, Any]] = []
    with sqlite(durable=False) as database:
        table += ours(chosen.rounds, "SQLite, does not wait", database)
    with sqlite(durable=True) as database:
        table += ours(chosen.rounds, "SQLite, waits for disk", database)
    with postgres() as database:
        table += ours(chosen.rounds, "Postgres, waits for disk", database)
    if chosen.peer_rounds:
        table += peer(chosen.peer_rounds)
    show("Admission to an account (aim: 2 ms each with 64 callers)", table)


if __name__ == "__main__":
    main()
