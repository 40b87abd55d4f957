"""A batch over real HTTP, end to end, against what a bare asyncio and httpx client can do.

The provider is ``benchmarks.painter``, in a process of its own. With no latency the limit is the
processor: 300 rows/s are wanted of 10,000 rows on SQLite. With a latency of 1 s and 64 slots it is
the provider: 95 % of rows x 1 s / 64 are wanted. CPU seconds are those of this process alone.

Usage: python -m benchmarks.throughput [--rows 10000] [--seconds 0] [--slots 64] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.batch import rows_csv
from benchmarks.common import FUNDS, show
from benchmarks.painter import running_painter
from deployments.server import running_server
from engine.studio import Studio, use_studio
from providers.pacing import AccountLimits
from studio.settings import Settings
from tests.support.providers import PaidProvider, book
from tests.support.studios import fund

_LOCKED = "database is locked"


class Painter(PaidProvider):
    """The painter as a provider whose account has slots; orders have a connection each."""

    def __init__(self, url: str, slots: int) -> None:
        super().__init__(url, timeout=120, seconds=120)
        self.limits = AccountLimits(concurrent=slots)
        self.account = "paid:bench"
        # As ``providers.connections`` has it for orders.
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=self._headers,
            timeout=120,
            trust_env=False,
            limits=httpx.Limits(max_connections=slots, max_keepalive_connections=0),
        )


def through_studio(home: Path, url: str, rows: int, slots: int) -> None:
    """Run the flow: check, quote, hold, task runs, calls, captures, assets, manifest."""
    from flows.batch import batch

    studio = Studio(
        Settings(home=home / "studio", owner="ada", width=slots),
        providers={"paid": Painter(url, slots)},
        book=book(paid=1),
    )
    fund(studio, FUNDS)
    path = home / "batch.csv"
    path.write_bytes(rows_csv(rows, 0))
    use_studio(studio)
    try:

        async def run() -> Any:
            return await batch(csv=str(path), owner="ada", return_state=True)

        state = asyncio.run(run())
    finally:
        use_studio(None)
        studio.close()
    if not state.is_completed():
        raise SystemExit(f"the batch did not end well: {state.message}")


def bare(url: str, rows: int, slots: int) -> None:
    """Send as many requests, as many at once, and keep nothing."""

    async def run() -> None:
        left = iter(range(rows))
        limits = httpx.Limits(max_connections=slots, max_keepalive_connections=slots)
        async with httpx.AsyncClient(
            base_url=url, limits=limits, timeout=120, trust_env=False
        ) as client:

            async def worker() -> None:
                for number in left:
                    answer = await client.post("/v1/now/painter", json={"prompt": str(number)})
                    answer.raise_for_status()

            await asyncio.gather(*(worker() for _ in range(slots)))

    asyncio.run(run())


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that it takes, and those of this process's CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _logs_say(home: Path, words: str) -> int:
    return sum(each.read_text(errors="replace").count(words) for each in home.rglob("*.log"))


def main() -> None:
    """Measure the bare client, then the studio, at the same painter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="latency of the provider")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    rows, slots = chosen.rows, chosen.slots
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as folder,
        running_server(Settings(home=Path(folder) / "server", prefect_port=port)),
        running_painter(chosen.seconds) as url,
    ):
        home = Path(folder)
        measured = {
            "limit: asyncio and httpx": timed(lambda: bare(url, rows, slots)),
            "batch, end to end": timed(lambda: through_studio(home, url, rows, slots)),
        }
        locked = _logs_say(home, _LOCKED)
    ideal = rows * chosen.seconds / slots
    show(
        f"{rows} rows, {chosen.seconds:g} s each at the provider, {slots} slots; "
        f'"{_LOCKED}" in the logs: {locked}',
        [
            {
                "what": what,
                "rows/s": f"{rows / wall:.0f}",
                "of the ideal rate": f"{ideal / wall:.1%}" if ideal else "",
                "seconds": f"{wall:.1f}",
                "CPU ms a row": f"{1_000 * cpu / rows:.2f}",
            }
            for what, (wall, cpu) in measured.items()
        ],
    )


if __name__ == "__main__":
    main()
