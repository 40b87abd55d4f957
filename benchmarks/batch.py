"""A batch of rows whose provider takes no time: what the path itself costs.

Peers in the same run, on the same Prefect server: Prefect's plain ``task.map`` over as many tasks
that do nothing at all, and our own rows without any orchestrator.

Usage: python -m benchmarks.batch [--rows 1000] [--rounds 3] [--json]
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
from typing import TYPE_CHECKING, Any

from deployments.server import running_server
from engine import journal
from engine.execute import Order
from engine.opening import Opening, open_jobs
from studio.settings import Settings

if TYPE_CHECKING:
    from prefect import State

WIDTH = 64
"""Rows under way at once; a real provider's latency would allow as many."""


def rows_csv(rows: int, start: int) -> bytes:
    """Return a batch of rows that differ from each other and from those of other rounds."""
    lines = [f"generate,picture {start + n},{start + n}" for n in range(rows)]
    return "\n".join(["operation,prompt,seed", *lines]).encode()


def through_prefect(rows: int, start: int) -> float:
    """Return the seconds of the real flow: check, quote, hold, mapped tasks, settle, manifest."""
    from benchmarks.common import instant_studio
    from flows.batch import batch

    with instant_studio(width=WIDTH) as studio:
        path = studio.settings.folder / "batch.csv"
        path.write_bytes(rows_csv(rows, start))
        began = time.perf_counter()
        state: State[Any] = asyncio.run(_run(batch, str(path)))
        seconds = time.perf_counter() - began
        if not state.is_completed():
            raise SystemExit(f"the batch did not end well: {state.message}")
        return seconds


async def _run(flow: Any, path: str) -> Any:
    return await flow(csv=path, owner="ada", return_state=True)


def without_orchestrator(rows: int, start: int) -> float:
    """Return the seconds of the same rows through the engine alone."""
    from benchmarks.common import instant_studio
    from engine.batch_files import deliver, folder_of
    from engine.batch_plan import plan_batch, read_file
    from engine.batch_start import start_batch

    with instant_studio(width=WIDTH) as studio:
        began = time.perf_counter()
        spec = read_file(
            studio, rows_csv(rows, start), source="b.csv", owner="ada", folder=Path.cwd()
        )
        running = start_batch(studio, plan_batch(studio, spec), "bench")
        running.hold_for(running.quote(), "bench/1")

        async def all_of(orders: list[Any]) -> list[Any]:
            return await asyncio.gather(*map(studio.executor.execute, orders))

        for wave in running.waves():
            orders = running.orders(wave)
            for order, job in zip(orders, studio.loop.run(all_of(orders)), strict=True):
                running.take(order, job)
        counts = running.finish()
        deliver(studio, running.view, folder_of(studio, spec))
        seconds = time.perf_counter() - began
        if dict(counts) != {"done": rows}:
            raise SystemExit(f"the batch did not end well: {counts}")
        return seconds


def settlements(rows: int, start: int) -> float:
    """Return the seconds of settling generated jobs alone: asset, capture, job, in one hold."""
    from benchmarks.common import instant_studio
    from engine.batch_plan import plan_batch, read_file
    from engine.batch_start import start_batch

    with instant_studio(width=WIDTH) as studio:
        data = rows_csv(rows, start)
        spec = read_file(studio, data, source="b.csv", owner="ada", folder=Path.cwd())
        running = start_batch(studio, plan_batch(studio, spec), "bench")
        running.hold_for(running.quote(), "bench/1")
        hash_ = studio.store.put(b"the bytes do not matter here")
        made = {"name": "", "sha256": hash_, "thumbnail": hash_, "media_type": "image/png"}
        delivery: dict[str, Any] = {
            "outputs": [{**made, "size": 28, "width": 8, "height": 8}],
            "model": "painter",
            "method": "",
            "seed": None,
            "facts": {},
        }
        orders = [order for wave in running.waves() for order in running.orders(wave)]
        openings = [_opening(order, studio.worker.id) for order in orders]
        opened = [studio.commits.submit(open_jobs, each) for each in openings]
        jobs = [future.result().job.id for future in opened]
        for noted in [
            studio.commits.submit(journal.note_generated, journal.Generated(job, delivery))
            for job in jobs
        ]:
            noted.result()
        began = time.perf_counter()
        for settled in [studio.commits.submit(journal.settle, job) for job in jobs]:
            settled.result()
        return time.perf_counter() - began


def _opening(order: Order, worker: str) -> Opening:
    choice = order.plan.first
    return Opening(
        owner=order.owner,
        key=order.key,
        hold=order.hold,
        run=order.run,
        worker=worker,
        label=order.label,
        announce=order.announce,
        operation=order.plan.operation,
        pictures=order.pictures,
        offer=choice.offer.id,
        reason=choice.reason,
        price=choice.price,
    )


def plain_map(rows: int, start: int) -> float:
    """Return the seconds of Prefect's own map over tasks that do nothing."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    @task
    def nothing(number: int) -> int:
        return number

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=16))  # type: ignore[arg-type]  # Prefect's own types disagree
    async def plain(numbers: list[int]) -> int:
        futures = nothing.map(numbers)
        return len(await asyncio.to_thread(futures.result))

    began = time.perf_counter()
    asyncio.run(plain(list(range(start, start + rows))))
    return time.perf_counter() - began


def main() -> None:
    """Measure in turns, so that a busy moment of the machine hits all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    measured: dict[str, tuple[Callable[[int, int], float], str]] = {
        "batch flow (chunks of 25)": (through_prefect, "the real path: ledger, files, library"),
        "plain task.map": (plain_map, "peer: tasks that do nothing"),
        "engine, no orchestrator": (without_orchestrator, "limit: the path without Prefect"),
        "settlements": (settlements, "capture + asset + job in one transaction, grouped"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    with (
        tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as home,
        running_server(Settings(home=Path(home), prefect_port=port)),
    ):
        for number in range(chosen.rounds):
            for name, (measure, _) in measured.items():
                seconds[name].append(measure(chosen.rows, number * chosen.rows))
    _report(chosen.rows, seconds, {name: what for name, (_, what) in measured.items()})


def _report(rows: int, seconds: dict[str, list[float]], what: dict[str, str]) -> None:
    from benchmarks.common import show, spread

    peer = min(seconds["plain task.map"])
    show(
        f"{rows} rows with a provider that takes no time",
        [
            {
                "what": name,
                "rows/s: median (least to most)": spread([rows / each for each in values], 0),
                "times plain map (best of each)": f"{peer / min(values):.1f}",
                "note": what[name],
            }
            for name, values in seconds.items()
        ],
    )


if __name__ == "__main__":
    main()
