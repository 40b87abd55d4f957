"""Batch Processor: a CSV of pictures, checked, quoted, held for once, and done row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from prefect import State, flow, get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.futures import PrefectFuture, wait
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from engine.batch import BatchRun, chunks
from engine.batch_view import DONE, WAITING, sum_counts
from engine.execute import Order
from engine.jobs import Job
from flows.forms import OWNER
from flows.single import release
from studio import credits as money
from studio.errors import StudioError
from studio.settings import settings
from tasks import OPERATION_TASKS, notify
from tasks.artifacts import progress_bar
from tasks.batch import preflight_batch, run_rows, settle_batch

CSV = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1_000,
        json_schema_extra={
            "title": "CSV file",
            "description": "Path of the file on the machine that runs the flow. Each row names an "
            "operation and its fields; `studio batch check FILE` tells what is wrong with it.",
        },
    ),
]
NAME = Annotated[
    str,
    Field(
        max_length=60,
        json_schema_extra={
            "title": "Name",
            "description": "Empty: rows that were done before are not bought again. "
            "A new name buys all of them anew.",
        },
    ),
]

_PROGRESS_SECONDS = 2
_THREADS: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=16)
"""Prefect's own default has no bound: a batch of 5,000 rows would start 4,000 threads."""


@flow(
    name="batch",
    description="Do every row of a CSV file. Rows that were done before cost nothing.",
    flow_run_name="batch: {csv}",
    task_runner=_THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
    on_crashed=[release],
    on_cancellation=[release],
)
async def batch(csv: CSV, name: NAME = "", owner: OWNER = "") -> State[Any]:
    """Do every row of a CSV file."""
    running = await preflight_batch(csv, name, owner or settings().owner)
    if isinstance(running, State):
        return Failed(message=running.message)
    try:
        for wave in running.waves():
            await _fan_out(running, await asyncio.to_thread(running.orders, wave))
    except BaseException:
        await asyncio.to_thread(running.abandon)
        raise
    counts = await settle_batch(running)
    await notify()
    message = f"{sum_counts(counts)}; {money.show(running.view.spent)} credits in all"
    get_run_logger().info(message)
    return (Completed if running.view.complete else Failed)(message=message)


async def _fan_out(running: BatchRun, orders: Sequence[Order]) -> None:
    """Map the orders of a wave over tasks: one for each while they are few, else chunks.

    Prefect loses the history of task runs that come in thousands at once.
    """
    futures: list[tuple[list[Order], PrefectFuture[Any]]] = []
    if len(running.spec.rows) <= settings().rows_as_tasks:
        for name, task in OPERATION_TASKS.items():
            mine = [each for each in orders if each.plan.operation.operation == name]
            mapped = task.map(mine)
            futures += [([order], future) for order, future in zip(mine, mapped, strict=True)]
    else:
        pieces = chunks(orders, settings().chunk_rows)
        mapped = run_rows.map(range(1, len(pieces) + 1), pieces)
        futures += list(zip(pieces, mapped, strict=True))
    await _wait(running, futures)


async def _wait(
    running: BatchRun, futures: Sequence[tuple[list[Order], PrefectFuture[Any]]]
) -> None:
    """Take in results as they come, and show the progress."""
    artifact = await acreate_progress_artifact(0.0, description=_progress(running))
    pending = {future: orders for orders, future in futures}
    while pending:
        finished = (await asyncio.to_thread(wait, list(pending), timeout=_PROGRESS_SECONDS)).done
        for future in finished:
            _take(running, pending.pop(future), future)
        share = 100 * (1 - running.view.counts()[WAITING] / len(running.spec.rows))
        await aupdate_progress_artifact(artifact, share, description=_progress(running))


def _take(running: BatchRun, orders: list[Order], future: PrefectFuture[Any]) -> None:
    results = future.result(raise_on_failure=False)
    if not isinstance(results, list):
        results = [results]
    for order, result in zip(orders, results, strict=True):
        if isinstance(result, Job | StudioError):
            running.take(order, result)


def _progress(running: BatchRun) -> str:
    counts = running.view.counts()
    total = len(running.spec.rows)
    ended = total - counts[WAITING]
    return progress_bar(ended, total, ended - counts[DONE], running.view.spent)
