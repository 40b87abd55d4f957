"""Batch Processor: a CSV of pictures, checked, quoted, held for once, and done row by row."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, cast

from prefect import State, flow
from prefect.context import SyncClientContext
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Completed, Failed
from prefect.utilities.annotations import quote as as_it_is
from pydantic import Field

from batches.encoding import ENCODINGS
from engine.batch import BatchRun
from engine.batch_again import buy_anew
from engine.batch_source import shown_name
from engine.batch_view import sum_counts
from engine.studio import open_settings
from flows.approval import approved
from flows.batch_hooks import cancelled
from flows.fan_out import THREADS
from flows.forms import BATCH_QUOTE, MAX_CREDITS, OWNER, PROJECT, USER, caller_of
from flows.heeding import PrefectWishes
from flows.sharing import Sharing
from flows.single import release
from studio import credits as money
from studio.collector import rare_collections
from studio.errors import ApprovalRefused, StudioError
from studio.windows import read_window
from tasks import named, notify
from tasks.batch import preflight_batch, settle_batch, what_next
from tasks.batch_progress import RunProgress
from tasks.occurrences import take_turn
from tasks.states import refused
from tasks.waking import opened

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
    Literal["", "low", "normal", "high"],
    Field(
        json_schema_extra={
            "title": "Priority",
            "description": "Among the owner's own batches at a provider with few slots: high, "
            "normal and low get 4, 2 and 1 parts of them. It takes nothing from other owners. "
            "Empty: as the batch was started before, and normal if it is new.",
        },
    ),
]

PARTLY = Annotated[
    bool,
    Field(
        json_schema_extra={
            "title": "As far as it goes",
            "description": "Where credits or a budget do not carry all rows, do the first ones "
            "that they carry; the others end as skipped_budget, and can be done later.",
        },
    ),
]
WINDOW = Annotated[
    str,
    Field(
        max_length=200,
        json_schema_extra={
            "title": "Window",
            "description": "Only in these hours, for example 22:00-06:00 Europe/Berlin. Outside "
            "of them it waits: no row begins, and what is done stays done. Empty means always.",
        },
    ),
]


@flow(
    name=named.BATCH.flow,
    description="Do every row of a CSV, JSONL or XLSX file. What was done before costs nothing.",
    flow_run_name=lambda: f"batch: {shown_name(this_run.parameters['csv'])}",
    task_runner=THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
    on_crashed=[release],
    on_cancellation=[cancelled],
)
async def batch(
    csv: CSV,
    name: NAME = "",
    operation: OPERATION = "",
    defaults: DEFAULTS = "",
    encoding: ENCODING = "",
    *,
    skip_invalid: SKIP_INVALID = False,
    as_far_as_it_goes: PARTLY = False,
    priority: PRIORITY = "",
    quote: BATCH_QUOTE = "",
    window: WINDOW = "",
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
    payer = owner or open_settings().owner
    try:
        caller = caller_of(given, payer)
        hours = read_window(window)
    except StudioError as error:
        return refused(error)
    planned = await take_turn()
    if isinstance(planned, State):
        return planned
    while True:
        if hours is not None:
            await opened(hours)
        running = await preflight_batch(
            csv,
            name,
            payer,
            options,
            caller,
            planned=planned,
            token=quote,
            partly=as_far_as_it_goes,
            window=hours,
            priority=priority or None,
        )
        if isinstance(running, State):
            return Failed(message=running.message)
        ended = await carry_out(running, caller.user)
        if running.closed is None:
            return ended


async def carry_out(running: BatchRun, user: str) -> State[Any]:
    """Do the rows of a batch that are left, once they are approved, and settle.

    Where its window closes before the last row, it is left as it is: see ``running.closed``.

    Args:
        user: who asks.
    """
    progress = RunProgress(running)
    try:
        async with PrefectWishes(running, user) as wishes:
            progress.asked()
            await approved(running)
            await asyncio.to_thread(buy_anew, running, user)
            await progress.begin()
            # One client for all tasks: each would make its own, and read the TLS authorities.
            with SyncClientContext.get_or_create(), rare_collections():
                async with Sharing(progress) as sharing:
                    for wave in running.waves():
                        await sharing.alone(await asyncio.to_thread(running.prompts, wave))
                        await sharing.together(await asyncio.to_thread(running.orders, wave))
    except ApprovalRefused as error:
        await asyncio.to_thread(running.abandon)
        return refused(error)
    except BaseException:
        await asyncio.to_thread(running.abandon)
        raise
    if running.closed is not None and await asyncio.to_thread(running.rest):
        return Completed(message=str(running.closed))
    await progress.show(now=True)
    counts = await settle_batch(cast(BatchRun, as_it_is(running)))  # a task gets what is quoted
    await progress.end()
    await notify()
    if isinstance(counts, State):
        return Failed(message=counts.message)
    message = f"{sum_counts(counts)}; {money.show(progress.spent)} credits spent"
    left_out = len({problem.row for problem in running.spec.left_out})
    if left_out:
        message += f"; {left_out} rows left out"
    if running.view.complete and not left_out:
        return Completed(message=message)
    if wishes.cancelling and running.cancelled is not None:
        return Cancelled(message=message)
    return Failed(message=f"{message}. {what_next(counts)}")
