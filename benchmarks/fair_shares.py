"""Ten owners at one provider's account, a process each: one has many rows, nine have few.

The nine small batches begin when the big one has had all slots for a while. Beside them in the same
run: one small batch with the account to itself. The aim is at most twice its time.

Usage: python -m benchmarks.fair_shares [--big 2000] [--small 5] [--seconds 1] [--slots 64]
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.batch import rows_csv
from benchmarks.common import FUNDS, show
from benchmarks.painter import running_painter
from benchmarks.throughput import Painter
from engine.studio import Studio
from studio.settings import Settings
from tests.support.providers import book
from tests.support.studios import fund

_OWNERS = 9
_HEAD_START = 3.0
"""Seconds that the big batch has the account to itself."""


def open_at(home: str, owner: str, url: str, slots: int) -> Studio:
    """Open the studio that all share, as one owner."""
    config = Settings(home=Path(home), owner=owner, width=slots)
    return Studio(config, providers={"paid": Painter(url, slots)}, book=book(paid=1))


def child(home: str, owner: str, url: str, slots: int, rows: int) -> None:
    """Plan and hold, say so, wait for the word, then do all rows and say how long they took."""
    from engine.batch_plan import plan_batch, read_file
    from engine.batch_start import start_batch

    studio = open_at(home, owner, url, slots)
    try:
        data = rows_csv(rows, 0)
        spec = read_file(studio, data, source="b.csv", owner=owner, folder=Path(home))
        running = start_batch(studio, plan_batch(studio, spec), owner)
        running.hold_for(running.quote(), f"bench/{owner}")
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()

        async def all_of(orders: list[Any]) -> None:
            await asyncio.gather(*map(studio.executor.execute, orders))

        for wave in running.waves():
            studio.loop.run(all_of(running.orders(wave)))
        print(time.perf_counter() - began, flush=True)
        running.finish()
    finally:
        studio.close()


class Member:
    """A process with one owner's batch, which is planned and waits for the word."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fair_shares", "--child", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def seconds(self) -> float:
        """Wait for its end, and return how long its rows took."""
        return float(self._read())

    def end(self) -> None:
        """End it, if it has not ended by itself."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("a batch broke down")
        return line


def measure(home: str, url: str, chosen: argparse.Namespace) -> tuple[float, list[float]]:
    """Return the time of a small batch alone, and those of nine beside the big one."""
    alone = Member(home, "alone", url, chosen.slots, chosen.small)
    alone.go()
    before = alone.seconds()
    members = [
        Member(home, f"u{number}", url, chosen.slots, chosen.small) for number in range(_OWNERS)
    ]
    big = Member(home, "big", url, chosen.slots, chosen.big)
    try:
        big.go()
        time.sleep(_HEAD_START)
        for each in members:
            each.go()
        return before, [each.seconds() for each in members]
    finally:
        for each in (big, *members):
            each.end()


def main() -> None:
    """Measure a small batch alone, then nine beside a big one."""
    if sys.argv[1:2] == ["--child"]:
        home, owner, url, slots, rows = sys.argv[2:]
        child(home, owner, url, int(slots), int(rows))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--big", type=int, default=2_000)
    parser.add_argument("--small", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="latency of the provider")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as home,
        running_painter(chosen.seconds) as url,
    ):
        for owner in ("alone", "big", *(f"u{number}" for number in range(_OWNERS))):
            studio = open_at(home, owner, url, chosen.slots)
            fund(studio, FUNDS, owner)
            studio.close()
        alone, together = measure(home, url, chosen)
    show(
        f"{_OWNERS} batches of {chosen.small} rows beside one of {chosen.big}, "
        f"{chosen.slots} slots of {chosen.seconds:g} s",
        [
            {"what": "a small batch alone", "seconds": f"{alone:.2f}", "times": "1.0"},
            {
                "what": "the slowest of nine",
                "seconds": f"{max(together):.2f}",
                "times": f"{max(together) / alone:.1f}",
            },
        ],
    )


if __name__ == "__main__":
    main()
