"""What a wallet with a million ledger entries costs to read, beside bare scans of its tables.

    python -m benchmarks.reports [--json] [--entries 1000000] [--rounds 3]

The books are made by the ledger's own handlers (claims and captures of rows, 500 at a time, over a
year), with a job for each capture. Compared in the same run, in turns:

- balance read, the newest page of the history: limits are the point reads of any database;
- statement of a month: reads the whole journal, since it proves its balances; beside a bare
  ``SUM(amount)`` over the entries;
- usage of a month and of the year: beside a bare ``GROUP BY`` over the jobs alone, which knows
  nothing of what was captured;
- export of everything as CSV and Parquet: beside the driver fetching the same rows, and a bare
  ``csv.writer`` of them. ``MB`` is how much the process's peak grew.
"""

from __future__ import annotations

import argparse
import csv
import io
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

from sqlalchemy import insert

from benchmarks.common import show, spread
from billing import ledger
from billing.ledger import CaptureRequest, Claim, ClaimRequest, Ledger
from billing.ledger.history import movements
from billing.reports.export import export_csv, export_parquet
from billing.reports.period import Period, parse_period
from billing.reports.statement import statement
from engine.tables import jobs
from engine.usage import usage
from studio.database import Database
from studio.database.migrate import migrate

OWNER = "benchmark"
GROUP = 500
ENTRIES_EACH = 4
"""Of a row of a batch: two of its claim, two of its capture."""

YEAR = parse_period("2026", datetime(2026, 1, 1, tzinfo=UTC))
MONTH = parse_period("2026-06", datetime(2026, 1, 1, tzinfo=UTC))
OPERATIONS = ("generate", "upscale", "remove_background", "social_export", "edit")
OFFERS = ("local/illustrator", "stability/core", "wavespeed/qwen-image", "gemini/flash")

_BARE_ROWS = (
    "SELECT t.at, t.id, t.kind, t.key, e.account, e.amount, t.hold_id, t.claim_id, t.author,"
    " t.reason"
    " FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id"
)
_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class Clock:
    """The present moment of the books that are made: it goes through a year."""

    moment = YEAR.start

    def __call__(self) -> datetime:
        """Return it."""
        return self.moment


def make_books(database: Database, entries: int) -> None:
    """Fill a wallet by the ledger's handlers, and write the job of each capture."""
    clock, groups = Clock(), max(1, entries // (ENTRIES_EACH * GROUP))
    step = (YEAR.end - YEAR.start) / (groups + 1)
    with patch("studio.clock.now", clock):
        desk = Ledger(database)
        desk.open_wallet(OWNER)
        desk.top_up(OWNER, 10**14, key="grant", author="benchmark", reason="benchmark")
        for number in range(groups):
            clock.moment += step
            until = clock.moment + timedelta(days=1)
            name = f"batch-{number}"
            hold = desk.hold(OWNER, 10 * GROUP, key=name, expires_at=until, purpose="benchmark")
            database.write(lambda c: _group(c, hold.id, name, clock.moment))  # noqa: B023
            desk.release(OWNER, hold.id)
        desk.close()


def _group(connection: Any, hold: str, name: str, moment: datetime) -> None:
    keys = [f"job_{name}_{number}" for number in range(GROUP)]
    claims = ledger.claim(connection, [ClaimRequest(OWNER, hold, key, 10) for key in keys])
    taken = [each for each in claims if isinstance(each, Claim)]
    ledger.capture(connection, [CaptureRequest(OWNER, each.id, 8) for each in taken])
    connection.execute(
        insert(jobs), [_job(each, number, moment) for number, each in enumerate(taken)]
    )


def _job(claim: Claim, number: int, moment: datetime) -> dict[str, Any]:
    return {
        "id": claim.key, "owner": OWNER, "key": claim.key, "attempt": 1, "state": "settled",
        "run": "run", "worker": "", "label": "a-fox", "announce": 0,
        "operation": {"operation": OPERATIONS[number % 5], "prompt": "a fox in a wood " * 9},
        "pictures": [], "offer": OFFERS[number % 4], "reason": "the cheapest", "price": 10,
        "cost": 6, "charged": 8, "expense": 5, "claim": claim.id, "remote_id": "", "notes": {},
        "delivery": {"outputs": [], "model": "m", "method": "m", "seed": 1, "facts": {}},
        "created_at": moment, "updated_at": moment, "template": "",
    }  # fmt: skip


@contextmanager
def peak() -> Iterator[Callable[[], int]]:
    """Yield a function that returns by how many MB the process's peak has grown; -1 elsewhere."""

    def read(name: str) -> int:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) // 1024

    if not _PEAK.exists():
        yield lambda: -1
        return
    _PEAK.write_text("5")
    before = read("VmRSS")
    yield lambda: read("VmHWM") - before


class Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Take everything."""
        return len(data)


def cases(
    database: Database, driver: sqlite3.Connection
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Return what is measured."""

    def reading(work: Callable[..., Any], *arguments: Any, **more: Any) -> Callable[[], Any]:
        def run() -> Any:
            with database.read() as connection:
                return work(connection, *arguments, **more)

        return run

    def exported(write: Callable[..., int]) -> Callable[[], Any]:
        def run() -> Any:
            file: IO[bytes] = io.BufferedWriter(Nowhere())
            with database.read() as connection:
                return write(connection, OWNER, None, file)

        return run

    def bare_csv() -> None:
        writer = csv.writer(io.TextIOWrapper(io.BufferedWriter(Nowhere()), newline=""))
        writer.writerows(driver.execute(_BARE_ROWS))

    def fetched(query: str) -> Callable[[], Any]:
        return lambda: sum(1 for _ in driver.execute(query))

    yield "balance", reading(ledger.balance, OWNER)
    yield "history, newest 20", reading(movements, OWNER, 20)
    yield "statement of a month", reading(statement, OWNER, MONTH)
    yield "  bare SUM over the entries", fetched("SELECT SUM(amount) FROM ledger_entries")
    yield "usage of a month", reading(usage, MONTH, ["operation"], owner=OWNER)
    yield "usage of the year, by day", reading(usage, YEAR, ["day", "provider"], owner=OWNER)
    yield (
        "  bare GROUP BY over the jobs",
        fetched("SELECT offer, SUM(charged) FROM jobs GROUP BY offer"),
    )
    yield "export, CSV", exported(export_csv)
    yield "  driver fetching the rows", fetched(_BARE_ROWS)
    yield "  bare csv.writer", bare_csv
    if find_spec("pyarrow"):
        yield "export, Parquet", exported(export_parquet)


def check(database: Database, period: Period) -> None:
    """Stop if what is measured is not right."""
    with database.read() as connection:
        made = statement(connection, OWNER, period)
        spent = sum(row.spent for row in usage(connection, period, ["provider"], owner=OWNER))
    if not made.agrees or made.spent != spent or ledger_faults(database):
        raise RuntimeError("the benchmark's own books do not agree")


def ledger_faults(database: Database) -> Sequence[Any]:
    """Return what the auditor finds."""
    with database.read() as connection:
        return ledger.audit(connection)


def main() -> None:
    """Make the books, read them in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="studio-reports-") as folder:
        path = Path(folder) / "studio.db"
        database = Database(f"sqlite:///{path}", durable=False)
        migrate(database)
        start = time.perf_counter()
        make_books(database, options.entries)
        made = time.perf_counter() - start
        check(database, YEAR)
        driver = sqlite3.connect(path)
        (entries,) = driver.execute("SELECT COUNT(*) FROM ledger_entries").fetchone()
        times: dict[str, list[float]] = {}
        grown: dict[str, int] = {}
        for _ in range(options.rounds):
            for name, work in cases(database, driver):
                with peak() as growth:
                    start = time.perf_counter()
                    work()
                    times.setdefault(name, []).append(1000 * (time.perf_counter() - start))
                    grown[name] = max(grown.get(name, 0), growth())
        driver.close()
        database.close()
    show(
        f"{entries} entries, made in {made:.0f} s",
        [{"what": name, "ms": spread(each), "MB": grown[name]} for name, each in times.items()],
    )


if __name__ == "__main__":
    main()
