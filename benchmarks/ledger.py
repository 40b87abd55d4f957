"""How fast the ledger settles, beside what a plain implementation and the disk can do.

A *pair* is hold + claim + capture of one purchase, three durable steps on one hot wallet.

    python -m benchmarks.ledger [--json] [--pairs 2000] [--rounds 3]

Compared in the same run, on the same disk:

- ``SQLite, ledger`` with 1 and 64 threads: the public API, every step waits for its commit;
- ``SQLite, groups of 500``: the handlers alone, 500 pairs in three transactions;
- ``SQLite, rows of a batch``: as the engine settles them: claim + capture of 500 rows on one
  envelope hold, in two transactions (a pair without its hold);
- ``SQLite, not durable``: the same without waiting for the disk, which leaves the work itself;
- ``Postgres, row locks``: the textbook, SELECT … FOR UPDATE and one transaction per step, three
  tables without journal or idempotency, from 1 and 64 threads (needs the wheel of the tests);
- ``Postgres, ledger``: the public API there, likewise;
- ``disk``: append + fdatasync per commit, three per pair; no design without groups can be faster;
- from 1 and 8 processes, out of 50 grants that expire: our ledger on SQLite and on Postgres, and
  the row locks (``benchmarks.ledger_processes``).

With ``benchmarks.preflight`` and ``benchmarks.reports`` that is what billing has to be measured by;
``--all`` runs these two as well, in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks.common import show
from benchmarks.ledger_processes import processes_results
from billing import ledger
from billing.ledger import CaptureRequest, Claim, ClaimRequest, Hold, HoldRequest, Ledger
from studio import clock
from studio.database import Database, metadata

OWNER = "benchmark"
HOUR = timedelta(hours=1)
STEPS = 3
"""Durable steps in a pair: hold, claim, capture."""


@dataclass(frozen=True)
class Result:
    """Medians of the rounds. Latencies are of one step, ``None`` where there is no single step."""

    what: str
    threads: int
    pairs_per_second: float
    cpu_us_per_pair: float
    step_p50_ms: float | None
    step_p99_ms: float | None


@dataclass
class Round:
    """One round: its wall time, CPU time of this process, and the steps' latencies in seconds."""

    pairs: int
    wall: float
    cpu: float
    steps: list[float]


Pair = Callable[[str], list[float]]
"""Settles one purchase under a key of its own; returns the latency of each step in seconds."""


def median_of(what: str, threads: int, rounds: list[Round]) -> Result:
    """Sum rounds up."""
    steps = [sorted(each.steps) for each in rounds if each.steps]

    def at(share: float) -> float | None:
        if not steps:
            return None
        return 1000 * statistics.median(each[int(share * (len(each) - 1))] for each in steps)

    return Result(
        what,
        threads,
        statistics.median(each.pairs / each.wall for each in rounds),
        statistics.median(1e6 * each.cpu / each.pairs for each in rounds),
        at(0.5),
        at(0.99),
    )


def measure(pair: Pair, pairs: int, threads: int, label: str) -> Round:
    """Settle ``pairs`` purchases from ``threads`` threads."""
    cpu, wall = time.process_time(), time.perf_counter()
    if threads == 1:
        steps = [step for number in range(pairs) for step in pair(f"{label}-{number}")]
    else:
        with ThreadPoolExecutor(threads) as pool:
            keys = (f"{label}-{number}" for number in range(pairs))
            steps = [step for some in pool.map(pair, keys) for step in some]
    return Round(pairs, time.perf_counter() - wall, time.process_time() - cpu, steps)


def timed(steps: list[float], work: Callable[[], ledger.Hold | ledger.Claim]) -> str:
    """Run a step, note how long it took, and return the id it answered with."""
    start = time.perf_counter()
    answer = work()
    steps.append(time.perf_counter() - start)
    return answer.id


def by_public_api(desk: Ledger) -> Pair:
    """The ledger as threads use it."""

    def pair(key: str) -> list[float]:
        steps: list[float] = []
        until = clock.now() + HOUR
        hold = timed(
            steps, lambda: desk.hold(OWNER, 10, key=key, expires_at=until, purpose="benchmark")
        )
        claim = timed(steps, lambda: desk.claim(OWNER, hold, 10, key=key))
        timed(steps, lambda: desk.capture(OWNER, claim, 10))
        return steps

    return pair


GROUP = 500


def in_groups(database: Database, pairs: int, label: str) -> Round:
    """The handlers alone: 500 purchases in three transactions, one for each step."""
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, pairs, GROUP):
        until = clock.now() + HOUR
        place = [
            HoldRequest(OWNER, f"{label}-{start + number}", 10, until, "benchmark")
            for number in range(GROUP)
        ]
        holds = database.write(lambda connection: ledger.hold(connection, place))  # noqa: B023
        settle_group(
            database,
            [
                ClaimRequest(OWNER, each.id, each.key, 10)
                for each in holds
                if isinstance(each, Hold)
            ],
        )
    return Round(pairs, time.perf_counter() - wall, time.process_time() - cpu, [])


def rows_of_a_batch(database: Database, pairs: int, label: str) -> Round:
    """As the engine settles a batch: 500 rows at a time, all of them on one envelope hold."""
    until = clock.now() + HOUR
    request = HoldRequest(OWNER, label, 10 * pairs, until, "benchmark")
    (envelope,) = database.write(lambda connection: ledger.hold(connection, [request]))
    if not isinstance(envelope, Hold):
        raise envelope
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, pairs, GROUP):
        keys = [f"{label}-{start + number}" for number in range(GROUP)]
        settle_group(database, [ClaimRequest(OWNER, envelope.id, key, 10) for key in keys])
    return Round(pairs, time.perf_counter() - wall, time.process_time() - cpu, [])


def settle_group(database: Database, take: list[ClaimRequest]) -> None:
    """Claim in one transaction, capture in a second one."""
    claims = database.write(lambda connection: ledger.claim(connection, take))
    end = [CaptureRequest(OWNER, each.id, 10) for each in claims if isinstance(each, Claim)]
    done = database.write(lambda connection: ledger.capture(connection, end))
    if sum(isinstance(each, Claim) for each in done) != GROUP:
        raise RuntimeError("the benchmark's own purchases were refused")


def rich_wallet(database: Database) -> Ledger:
    """Return a ledger with a wallet that never is empty."""
    desk = Ledger(database)
    desk.open_wallet(OWNER)
    desk.top_up(OWNER, 10**12, key="grant", author="benchmark", reason="benchmark")
    return desk


@contextmanager
def sqlite(folder: Path, *, durable: bool) -> Iterator[Database]:
    """A fresh SQLite database with a rich wallet."""
    database = Database(f"sqlite:///{folder / f'ledger-{durable}.db'}", durable=durable)
    metadata.create_all(database.engine)
    rich_wallet(database).close()
    yield database
    database.close()


def ledger_results(folder: Path, pairs: int, rounds: int) -> Iterator[Result]:
    """Measure the ledger on SQLite, and check its books afterwards."""
    with sqlite(folder, durable=True) as database:
        desk = Ledger(database)
        for threads in (1, 64):
            some = pairs if threads > 1 else pairs // 4
            done = [
                measure(by_public_api(desk), some, threads, f"{threads}-{each}")
                for each in range(rounds)
            ]
            yield median_of("SQLite, ledger", threads, done)
        done = [in_groups(database, pairs, f"groups-{each}") for each in range(rounds)]
        yield median_of("SQLite, groups of 500", 1, done)
        done = [rows_of_a_batch(database, pairs, f"batch-{each}") for each in range(rounds)]
        yield median_of("SQLite, rows of a batch", 1, done)
        if desk.audit():
            raise RuntimeError("the audit found discrepancies")
        desk.close()
    with sqlite(folder, durable=False) as database:
        desk = Ledger(database)
        done = [
            measure(by_public_api(desk), pairs // 4, 1, f"fast-{each}") for each in range(rounds)
        ]
        yield median_of("SQLite, not durable", 1, done)
        desk.close()


_PLAIN_TABLES = (
    "CREATE TABLE plain_wallet (owner text PRIMARY KEY, available bigint, spent bigint)",
    "CREATE TABLE plain_hold (key text PRIMARY KEY, owner text, amount bigint, state text)",
    "CREATE TABLE plain_claim (key text PRIMARY KEY, hold text, amount bigint, state text)",
    "INSERT INTO plain_wallet VALUES ('benchmark', 1000000000000, 0)",
)


def plain_tables(database: Database) -> None:
    """Make the textbook's tables, with one rich wallet."""
    for statement in _PLAIN_TABLES:
        database.write(lambda connection: connection.execute(text(statement)))  # noqa: B023


def by_row_locks(database: Database) -> Pair:
    """The textbook on Postgres: lock the row, look, write, commit; one transaction per step."""

    def hold(connection: Connection, key: str) -> None:
        row = {"owner": OWNER, "key": key}
        available = connection.execute(
            text("SELECT available FROM plain_wallet WHERE owner = :owner FOR UPDATE"), row
        ).scalar_one()
        if available < 10:
            raise RuntimeError("the benchmark's wallet is empty")
        connection.execute(
            text("UPDATE plain_wallet SET available = available - 10 WHERE owner = :owner"), row
        )
        connection.execute(text("INSERT INTO plain_hold VALUES (:key, :owner, 10, 'open')"), row)

    def claim(connection: Connection, key: str) -> None:
        row = {"key": key}
        connection.execute(text("SELECT amount FROM plain_hold WHERE key = :key FOR UPDATE"), row)
        connection.execute(text("UPDATE plain_hold SET state = 'claimed' WHERE key = :key"), row)
        connection.execute(text("INSERT INTO plain_claim VALUES (:key, :key, 10, 'active')"), row)

    def capture(connection: Connection, key: str) -> None:
        row = {"owner": OWNER, "key": key}
        connection.execute(
            text("SELECT available FROM plain_wallet WHERE owner = :owner FOR UPDATE"), row
        )
        connection.execute(
            text("UPDATE plain_wallet SET spent = spent + 10 WHERE owner = :owner"), row
        )
        connection.execute(text("UPDATE plain_hold SET state = 'closed' WHERE key = :key"), row)
        connection.execute(text("UPDATE plain_claim SET state = 'captured' WHERE key = :key"), row)

    def pair(key: str) -> list[float]:
        steps: list[float] = []
        for step in (hold, claim, capture):
            start = time.perf_counter()
            database.write(lambda connection: step(connection, key))  # noqa: B023 - called at once
            steps.append(time.perf_counter() - start)
        return steps

    return pair


def postgres_results(pairs: int, rounds: int) -> Iterator[Result]:
    """Measure row locks and the ledger on Postgres, if the tests' wheel is installed."""
    with suppress(ImportError):
        from tests.support.databases import running_postgres

        with running_postgres(durable=True) as server:
            database = Database(server.create_database(), pool_size=64)
            plain_tables(database)
            for threads in (1, 64):
                done = [
                    measure(by_row_locks(database), pairs // 4, threads, f"{threads}-{each}")
                    for each in range(rounds)
                ]
                yield median_of("Postgres, row locks", threads, done)
            metadata.create_all(database.engine)
            desk = rich_wallet(database)
            for threads in (1, 64):
                done = [
                    measure(by_public_api(desk), pairs // 4, threads, f"{threads}-{each}")
                    for each in range(rounds)
                ]
                yield median_of("Postgres, ledger", threads, done)
            if desk.audit():
                raise RuntimeError("the audit found discrepancies")
            desk.close()
            database.close()


def disk_result(folder: Path, pairs: int, rounds: int) -> Result:
    """Measure three appends with fdatasync per pair, of about the bytes a step writes."""
    page = os.urandom(4096)
    done = []
    with (folder / "log").open("wb", buffering=0) as log:
        for _ in range(rounds):
            steps = []
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(STEPS * pairs // 4):
                start = time.perf_counter()
                log.write(page)
                os.fdatasync(log.fileno())
                steps.append(time.perf_counter() - start)
            spent = time.perf_counter() - wall
            done.append(Round(pairs // 4, spent, time.process_time() - cpu, steps))
    return median_of("disk, 3 fdatasync", 1, done)


def print_table(results: list[Result]) -> None:
    """Print the results for a reader."""
    print(
        f"{'what':<24}{'threads':>8}{'pairs/s':>10}{'CPU µs/pair':>13}"
        f"{'step p50 ms':>13}{'p99 ms':>9}"
    )
    for each in results:
        p50 = "" if each.step_p50_ms is None else f"{each.step_p50_ms:.2f}"
        p99 = "" if each.step_p99_ms is None else f"{each.step_p99_ms:.2f}"
        print(
            f"{each.what:<24}{each.threads:>8}{each.pairs_per_second:>10.0f}"
            f"{each.cpu_us_per_pair:>13.0f}{p50:>13}{p99:>9}"
        )
    print("A pair is hold + claim + capture. CPU is this process's; Postgres's own is not in it.")


def main(arguments: list[str]) -> None:
    """Run every measurement and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--pairs", type=int, default=2000, help="pairs a round, a multiple of 500")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which medians are taken")
    parser.add_argument("--folder", type=Path, help="where to write; its disk is measured")
    parser.add_argument("--all", action="store_true", help="pre-flight and reports as well")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the reports")
    options = parser.parse_args(arguments)
    if options.pairs < 500 or options.pairs % 500 or options.rounds < 1:
        parser.error("--pairs is a multiple of 500, --rounds at least 1")
    with tempfile.TemporaryDirectory(prefix="studio-ledger-", dir=options.folder) as name:
        folder = Path(name)
        results = [
            *ledger_results(folder, options.pairs, options.rounds),
            *postgres_results(options.pairs, options.rounds),
            disk_result(folder, options.pairs, options.rounds),
        ]
        racing = list(processes_results(folder, options.pairs // 4, options.rounds))
    if options.json:
        print(json.dumps([*(asdict(each) for each in results), *racing], indent=2))
    else:
        print_table(results)
        show("The same from processes, out of 50 grants that expire", racing)
    if options.all:
        entries = ("--entries", str(options.entries), "--rounds", "1")
        for name, more in (("preflight", ()), ("reports", entries)):
            words = [sys.executable, "-m", f"benchmarks.{name}", *more]
            subprocess.run([*words, *(["--json"] if options.json else [])], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
