"""Batch Processor: a CSV of pictures, checked, quoted, held for once, and done row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from prefect import State, flow, get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import SyncClientContext
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.utilities.annotations import quote as as_it_is
from pydantic import Field

from batches.encoding import ENCODINGS
from engine.batch import BatchRun, chunk_size, chunks
from engine.batch_source import shown_name
from engine.batch_view import DONE, WAITING, sum_counts
from engine.execute import Order
from engine.jobs import Job
from flows.approval import approved
from flows.forms import BATCH_QUOTE, MAX_CREDITS, OWNER, PROJECT, USER, caller_of
from flows.single import release
from studio import credits as money
from studio.errors import ApprovalRefused, StudioError
from studio.settings import settings
from tasks import OPERATION_TASKS, notify
from tasks.artifacts import progress_card
from tasks.batch import preflight_batch, run_rows, settle_batch, what_next
from tasks.states import refused

CSV = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1_000,
        json_schema_extra={
            "title": "File",
            "description": "CSV, JSONL or XLSX: its path on the machine where the studio runs, for "
            "example /data/campaign.csv, its https address, or an asset's id (ast_…). Every row "
            "is checked and quoted before anything is bought.",
        },
    ),
]
NAME = Annotated[
    str,
    Field(
        max_length=60,
        json_schema_extra={
            "title": "Batch name",
            "description": "Empty: rows that were done before are not bought again. "
            "A new name buys all of them anew.",
        },
    ),
]
OPERATION = Annotated[
    str,
    Field(
        max_length=500,
        json_schema_extra={
            "title": "Operation",
            "description": "Of rows that name none, for example generate, or a chain such as "
            "remove_background | upscale 4x. Empty where every row names its own.",
        },
    ),
]
DEFAULTS = Annotated[
    str,
    Field(
        max_length=10_000,
        json_schema_extra={
            "title": "Defaults",
            "description": "For cells left empty, a line for each: quality=draft",
            "format": "textarea",
        },
    ),
]
ENCODING = Annotated[
    str,
    Field(
        max_length=20,
        json_schema_extra={
            "title": "Encoding",
            "description": "Only for a file that is neither UTF-8 nor UTF-16.",
            "enum": ["", *ENCODINGS],
        },
    ),
]
SKIP_INVALID = Annotated[
    bool,
    Field(
        json_schema_extra={
            "title": "Leave faulty rows out",
            "description": "Do the others, and those not that build on them. The run then ends "
            "as failed, and says what was left out.",
        },
    ),
]
PRIORITY = Annotated[
    Literal["low", "normal", "high"],
    Field(
        json_schema_extra={
            "title": "Priority",
            "description": "Among the owner's own batches at a provider with few slots: high, "
            "normal and low get 4, 2 and 1 parts of them. It takes nothing from other owners.",
        },
    ),
]

_PROGRESS_SECONDS = 2
_THREADS: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=16)
"""Prefect's own default has no bound: a batch of 5,000 rows would start 4,000 threads."""


@flow(
    name="batch",
    description="Do every row of a CSV, JSONL or XLSX file. What was done before costs nothing.",
    flow_run_name=lambda: f"batch: {shown_name(this_run.parameters['csv'])}",
    task_runner=_THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
    on_crashed=[release],
    on_cancellation=[release],
)
async def batch(
    csv: CSV,
    name: NAME = "",
    operation: OPERATION = "",
    defaults: DEFAULTS = "",
    encoding: ENCODING = "",
    *,
    skip_invalid: SKIP_INVALID = False,
    priority: PRIORITY = "normal",
    quote: BATCH_QUOTE = "",
    owner: OWNER = "",
    user: USER = "",
    project: PROJECT = "",
    max_credits: MAX_CREDITS = "",
) -> State[Any]:
    """Do every row of a CSV, JSONL or XLSX file."""
    options = {
        "operation": operation,
        "defaults": defaults,
        "encoding": encoding,
        "skip_invalid": skip_invalid,
    }
    given = {"user": user, "project": project, "max_credits": max_credits}
    payer = owner or settings().owner
    try:
        caller = caller_of(given, payer)
    except StudioError as error:
        return refused(error)
    running = await preflight_batch(csv, name, payer, options, caller, token=quote)
    if isinstance(running, State):
        return Failed(message=running.message)
    running.priority = priority
    progress = _Progress(running)
    try:
        await approved(running)
        await progress.show()
        # One client for all tasks: each would make its own, and read the TLS authorities for it.
        with SyncClientContext.get_or_create():
            for wave in running.waves():
                for orders in (running.prompts, running.orders):
                    await _fan_out(progress, await asyncio.to_thread(orders, wave))
    except ApprovalRefused as error:
        await asyncio.to_thread(running.abandon)
        return refused(error)
    except BaseException:
        await asyncio.to_thread(running.abandon)
        raise
    counts = await settle_batch(cast(BatchRun, as_it_is(running)))  # a task gets what is quoted
    await notify()
    if isinstance(counts, State):
        return Failed(message=counts.message)
    message = f"{sum_counts(counts)}; {money.show(progress.spent)} credits spent"
    left_out = len({problem.row for problem in running.spec.left_out})
    if left_out:
        message += f"; {left_out} rows left out"
    if running.view.complete and not left_out:
        return Completed(message=message)
    return Failed(message=f"{message}. {what_next(counts)}")


class _Progress:
    """How far a run is: one artifact, and a line in the log at each tenth of the way.

    Prefect's pages draw the log anew by themselves, artifacts only when their tab is opened.

    Attributes:
        running: the batch.
    """

    def __init__(self, running: BatchRun) -> None:
        self.running = running
        self._spent_before = running.view.spent
        self._artifact: UUID | None = None
        self._card = ""
        self._tenth = 0

    @property
    def spent(self) -> int:
        """Micro-credits that this run came to; what runs before it paid for is not in it."""
        return self.running.view.spent - self._spent_before

    async def show(self) -> None:
        """Show how far it is now, if that is news."""
        counts = self.running.view.counts()
        total = len(self.running.spec.rows)
        ended = total - counts[WAITING]
        card = progress_card(ended, total, ended - counts[DONE], self.spent)
        if card == self._card:
            return
        share = 100 * ended / total
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(share, description=card)
        else:
            await aupdate_progress_artifact(self._artifact, share, description=card)
        self._card = card
        if share // 10 > self._tenth:
            self._tenth = int(share // 10)
            words = "%s of %s rows have ended, %s credits spent"
            get_run_logger().info(words, ended, total, money.show(self.spent))


async def _fan_out(progress: _Progress, orders: Sequence[Order]) -> None:
    """Map the orders of a wave over tasks: one for each while they are few, else chunks.

    Prefect loses the history of task runs that come in thousands at once.
    """
    running = progress.running
    futures: list[tuple[list[Order], PrefectFuture[Any]]] = []
    if len(running.spec.rows) <= settings().rows_as_tasks:
        for name, task in OPERATION_TASKS.items():
            mine = [each for each in orders if each.plan.operation.operation == name]
            mapped = task.map([as_it_is(each) for each in mine])
            futures += [([order], future) for order, future in zip(mine, mapped, strict=True)]
    else:
        pieces = chunks(orders, chunk_size(len(running.spec.rows), settings().chunk_rows))
        # Quoted: Prefect would look for futures in every field of every row, twice.
        mapped = run_rows.map(range(1, len(pieces) + 1), [as_it_is(piece) for piece in pieces])
        futures += list(zip(pieces, mapped, strict=True))
    await _wait(progress, futures)


async def _wait(
    progress: _Progress, futures: Sequence[tuple[list[Order], PrefectFuture[Any]]]
) -> None:
    """Take in results as they come, and show the progress."""
    pending = {future: orders for orders, future in futures}
    while pending:
        finished = (await asyncio.to_thread(wait, list(pending), timeout=_PROGRESS_SECONDS)).done
        for future in finished:
            _take(progress.running, pending.pop(future), future)
        await progress.show()


def _take(running: BatchRun, orders: list[Order], future: PrefectFuture[Any]) -> None:
    results = future.result(raise_on_failure=False)
    if not isinstance(results, list):
        # A chunk whose task broke down has one error for all; what its rows came to is looked up.
        results = [results] * len(orders)
    for order, result in zip(orders, results, strict=True):
        if isinstance(result, Job | StudioError):
            running.take(order, result)
