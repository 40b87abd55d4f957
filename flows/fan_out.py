"""Orders mapped over tasks: one for each while they are few, else chunks of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prefect.futures import PrefectFuture, wait
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote as as_it_is

from engine.batch import BatchRun
from engine.batch_chunks import chunk_size, chunks
from engine.execute import Order
from engine.jobs import Job
from studio.errors import StudioError
from studio.settings import settings
from tasks import OPERATION_TASKS
from tasks.batch import run_rows

THREADS: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=16)
"""Prefect's own default has no bound: a batch of 5,000 rows would start 4,000 threads."""

_PROGRESS_SECONDS = 2

Take = Callable[[Order, object], None]
"""Takes in what came of an order: a job, or the error that ended it."""


async def fan_out(
    orders: Sequence[Order], rows: int, take: Take, show: Callable[[], Awaitable[None]]
) -> None:
    """Map orders over tasks: one for each while the batch is small, else chunks.

    Prefect loses the history of task runs that come in thousands at once.

    Args:
        orders: what is to be bought.
        rows: of the whole batch.
        take: called with each result as it comes.
        show: called every few seconds.
    """
    futures: list[tuple[list[Order], PrefectFuture[Any]]] = []
    if rows <= settings().rows_as_tasks:
        for name, task in OPERATION_TASKS.items():
            mine = [each for each in orders if each.plan.operation.operation == name]
            mapped = task.map([as_it_is(each) for each in mine])
            futures += [([order], future) for order, future in zip(mine, mapped, strict=True)]
    else:
        pieces = chunks(orders, chunk_size(rows, settings().chunk_rows))
        # Quoted: Prefect would look for futures in every field of every row, twice.
        mapped = run_rows.map(range(1, len(pieces) + 1), [as_it_is(piece) for piece in pieces])
        futures += list(zip(pieces, mapped, strict=True))
    pending = {future: mine for mine, future in futures}
    while pending:
        finished = (await asyncio.to_thread(wait, list(pending), timeout=_PROGRESS_SECONDS)).done
        for future in finished:
            for order, result in results_of(pending.pop(future), future):
                take(order, result)
        await show()


def results_of(orders: list[Order], future: PrefectFuture[Any]) -> list[tuple[Order, object]]:
    """Return what came of each order of a task.

    A chunk whose task broke down has one error for all; what its rows came to is looked up.
    """
    results = future.result(raise_on_failure=False)
    if not isinstance(results, list):
        results = [results] * len(orders)
    return list(zip(orders, results, strict=True))


def take_in(running: BatchRun, order: Order, result: object) -> None:
    """Note what came of an order; of what broke down, its job or nothing tells."""
    if isinstance(result, Job | StudioError):
        running.take(order, result)
