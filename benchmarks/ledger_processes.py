"""One hot wallet, whose credits expire, from 1 and from 8 processes; for ``benchmarks.ledger``.

Its 50 grants end at different moments and are just enough, so that holds go from the one that ends
first to the next. Beside our ledger on each database, in the same run: row locks on Postgres from
as many processes, three tables without grants, journal or idempotency. The books are audited.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Literal

from billing import ledger
from billing.ledger import Ledger
from studio import clock
from studio.database import Database, metadata

OWNER = "benchmark"
GRANTS = 50
PROCESSES = (1, 8)
WAIT_SECONDS = 180
Kind = Literal["ledger", "row locks"]
Work = Callable[[str], list[float]]
"""Settles one purchase under a key of its own; returns the seconds of each step."""


def expiring(database: Database, pairs: int) -> None:
    """Make the tables, and a wallet whose credits end at many moments, just enough for all."""
    metadata.create_all(database.engine)
    desk = Ledger(database)
    desk.open_wallet(OWNER)
    share = 10 * pairs // GRANTS + 10
    for number in range(GRANTS):
        ends = clock.now() + timedelta(days=1 + number)
        desk.top_up(
            OWNER, share, key=f"grant-{number}", author="benchmark", reason="benchmark",
            expires_at=ends,
        )  # fmt: skip
    desk.close()


def _process(  # noqa: PLR0917 - of a process, by place
    url: str,
    kind: Kind,
    label: str,
    pairs: int,
    barrier: Barrier,
    told: Queue[tuple[float, float, list[float]]],
) -> None:
    from benchmarks.ledger import by_public_api, by_row_locks

    database = Database(url)
    desk = Ledger(database)
    work: Work = by_public_api(desk) if kind == "ledger" else by_row_locks(database)
    barrier.wait(WAIT_SECONDS)
    began, steps = time.time(), []
    for number in range(pairs):
        steps += work(f"{label}-{number}")
    told.put((began, time.time(), steps))
    desk.close()
    database.close()


def race(url: str, kind: Kind, label: str, pairs: int, processes: int) -> tuple[float, list[float]]:
    """Settle ``pairs`` purchases from so many processes; return the seconds, and every step's."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.common", "billing.ledger"])  # once
    barrier, told = context.Barrier(processes), context.Queue()
    running = [
        context.Process(
            target=_process,
            args=(url, kind, f"{label}-{number}", pairs // processes, barrier, told),
            daemon=True,
        )
        for number in range(processes)
    ]
    for process in running:
        process.start()
    try:
        parts = [told.get(timeout=WAIT_SECONDS) for _ in running]
    finally:
        for process in running:
            process.join(10)
            if process.exitcode is None:
                process.kill()
    wall = max(end for _, end, _ in parts) - min(began for began, _, _ in parts)
    return wall, [step for _, _, steps in parts for step in steps]


def _row(
    what: str, processes: int, pairs: int, done: list[tuple[float, list[float]]]
) -> dict[str, str]:
    steps = [sorted(each) for _, each in done]
    settled = pairs // processes * processes
    return {
        "what": what,
        "processes": str(processes),
        "pairs/s": f"{median(settled / wall for wall, _ in done):.0f}",
        "step p50 ms": f"{1000 * median(each[len(each) // 2] for each in steps):.2f}",
        "p99 ms": f"{1000 * median(each[int(0.99 * (len(each) - 1))] for each in steps):.2f}",
    }


def _checked(database: Database, pairs: int) -> None:
    with database.read() as connection:
        faults, left = ledger.audit(connection), ledger.balance(connection, OWNER)
    if faults or left.captured != 10 * pairs:
        raise RuntimeError(f"the benchmark's own books do not agree: {left}, {faults[:3]}")


def _ours(what: str, url: str, pairs: int, rounds: int) -> Iterator[dict[str, str]]:
    database = Database(url)
    expiring(database, pairs * rounds * len(PROCESSES))
    settled = 0
    for processes in PROCESSES:
        done = [
            race(url, "ledger", f"{processes}-{each}", pairs, processes) for each in range(rounds)
        ]
        settled += rounds * (pairs // processes) * processes
        yield _row(what, processes, pairs, done)
    _checked(database, settled)
    database.close()


def processes_results(folder: Path, pairs: int, rounds: int) -> Iterator[dict[str, str]]:
    """Measure SQLite, then Postgres and its row locks if the tests' wheel is installed."""
    from benchmarks.ledger import plain_tables

    url = f"sqlite:///{folder / 'processes.db'}"
    yield from _ours("SQLite, ledger, expiring grants", url, pairs, rounds)
    with suppress(ImportError):
        from tests.support.databases import running_postgres

        with running_postgres(durable=True) as server:
            yield from _ours(
                "Postgres, ledger, expiring grants", server.create_database(), pairs, rounds
            )
            plain = server.create_database()
            database = Database(plain)
            plain_tables(database)
            database.close()
            for processes in PROCESSES:
                done = [
                    race(plain, "row locks", f"{processes}-{each}", pairs, processes)
                    for each in range(rounds)
                ]
                yield _row("Postgres, row locks", processes, pairs, done)
