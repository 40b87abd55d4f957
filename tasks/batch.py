"""The tasks of a batch: its pre-flight, a chunk of its rows, its settlement."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from engine.batch import BatchQuote, BatchRun, plan_batch, read_file, start_batch
from engine.batch_files import deliver, folder_of
from engine.execute import Order
from engine.jobs import Job
from engine.single import hold_key
from engine.studio import open_studio
from studio import credits as money
from studio.errors import InvalidRequest, StudioError
from tasks.artifacts import gallery_markdown, quote_markdown
from tasks.states import refused


@task(name="preflight", task_run_name="preflight {csv}", persist_result=False)
async def preflight_batch(csv: str, name: str, owner: str) -> BatchRun | State[Any]:
    """Check every row, quote what is left to buy, show the quote, and hold its total once.

    Returns:
        The batch to run, or a failed state that says why nothing may be bought.
    """
    try:
        return await _prepare(csv, name, owner)
    except StudioError as error:
        for problem in error.details.get("problems", ()):
            get_run_logger().error(_problem_line(problem))
        return refused(error)


async def _prepare(file: str, name: str, owner: str) -> BatchRun:
    csv = Path(file)
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    data = await asyncio.to_thread(_read, csv)
    spec = await asyncio.to_thread(
        read_file, studio, data, source=csv.name, owner=owner, name=name, folder=csv.parent
    )
    planned = await asyncio.to_thread(plan_batch, studio, spec)
    batch = await asyncio.to_thread(start_batch, studio, planned, run)
    try:
        quoted = await asyncio.to_thread(batch.quote)
        await acreate_markdown_artifact(_quote_text(quoted), key=f"quote-{_slug(batch)}")
        key = hold_key(run, flow_run.run_count or 1)
        await asyncio.to_thread(batch.hold_for, quoted, key)
    except BaseException:
        await asyncio.to_thread(batch.abandon)
        raise
    get_run_logger().info(
        "batch %s: %s rows, %s of them to buy, %s credits held",
        spec.id,
        len(spec.rows),
        len(spec.rows) - len(quoted.free),
        money.show(quoted.total),
    )
    return batch


def _read(csv: Path) -> bytes:
    try:
        return csv.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"The batch file cannot be read: {error.strerror}.",
            field="csv",
            given=csv,
            allowed="the path of a CSV file on the machine that runs the flow",
        ) from error


def _problem_line(problem: dict[str, Any]) -> str:
    given = f" (given: {problem['value']})" if problem["value"] else ""
    return f"line {problem['line']}, {problem['field']}: {problem['rule']}{given}"


def _quote_text(quoted: BatchQuote) -> str:
    reasons = Counter(quoted.free.values())
    notes = [f"{count} rows are free: {reason}" for reason, count in reasons.items()]
    if quoted.quote is None:
        return "\n".join(["## Quote", "", "**0 credits**: nothing is left to buy.", "", *notes])
    return quote_markdown(quoted.quote, notes)


def _slug(batch: BatchRun) -> str:
    return batch.spec.id.replace("_", "-")


@task(name="rows", task_run_name="rows {number}", persist_result=False)
def run_rows(number: int, orders: list[Order]) -> State[Any]:
    """Carry out a chunk of rows, at once; each row's outcome is in the row ledger."""
    studio = open_studio()

    async def one(order: Order) -> Job | StudioError:
        try:
            return await studio.executor.execute(order)
        except StudioError as error:
            return error

    async def all_of_them() -> list[Job | StudioError]:
        return await asyncio.gather(*map(one, orders))

    results = studio.loop.run(all_of_them())
    done = sum(isinstance(result, Job) and result.state == "settled" for result in results)
    words = f"chunk {number}: {done} of {len(orders)} rows done"
    return (Completed if done == len(orders) else Failed)(message=words, data=results)


@task(name="settle", persist_result=False)
async def settle_batch(batch: BatchRun) -> Counter[str]:
    """End the hold, write manifest and pictures to the batch's folder, show the pictures."""
    counts = await asyncio.to_thread(batch.finish)
    folder = folder_of(batch.studio, batch.spec)
    await asyncio.to_thread(deliver, batch.studio, batch.view, folder)
    jobs = [job for row in batch.spec.rows if (job := batch.view.job_of(row)) and not row.same_as]
    markdown = await asyncio.to_thread(gallery_markdown, batch.studio, jobs)
    await acreate_markdown_artifact(markdown, key=f"pictures-{_slug(batch)}")
    get_run_logger().info("manifest and pictures of batch %s: %s", batch.spec.id, folder)
    return counts
