"""The tasks of a batch: its pre-flight, a chunk of its rows, its settlement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from batches import Given, Problem, fill_name, given_of
from engine.batch import BatchRun
from engine.batch_again import Part, plan_again, start_again
from engine.batch_files import LEFT_OUT, deliver, folder_of, keep_left_out, manifest_rows
from engine.batch_losses import batch_losses
from engine.batch_plan import BatchQuote, prompt_line, read_file
from engine.batch_quoting import plan_at_quote
from engine.batch_shards import Shards, join_batch
from engine.batch_source import BatchSource, open_source, shown_name
from engine.batch_start import start_batch
from engine.batch_view import DONE, INVALID, BatchView
from engine.execute import Order
from engine.jobs import Job
from engine.preflight import ANYBODY, Caller
from engine.single import hold_key
from engine.studio import Studio, open_studio
from providers.pacing import Priority
from studio import credits as money
from studio.clock import now
from studio.errors import StudioError
from studio.windows import Window
from tasks.artifacts import (
    MOST_LINES,
    count,
    gallery_of,
    quote_markdown,
    show_gallery,
    show_quote,
    show_table,
    table,
)
from tasks.next_forms import next_forms
from tasks.occurrences import Planned, note_planned_batch
from tasks.states import refused

_MOST_LOGGED = 20
"""Problems of a file that are logged one by one, and losses that are told with its quote."""

_LEFT = ("line", "row", "status", "why")


@task(name="preflight", task_run_name="preflight", persist_result=False)
async def preflight_batch(
    csv: str,
    name: str,
    owner: str,
    options: Mapping[str, Any],
    caller: Caller = ANYBODY,
    *,
    planned: Planned,
    token: str = "",
    partly: bool = False,
    window: Window | None = None,
    priority: Priority | None = None,
) -> BatchRun | State[Any]:
    """Check every row, quote what is left to buy, show the quote, and hold its total once.

    Args:
        csv: where the file is.
        name: of the batch.
        owner: whose it is.
        options: what is said of the whole file, as ``batches.given_of`` takes it.
        caller: who asks, for which project, and for how much at most.
        token: a signed quote, whose prices are kept.
        planned: for when its run is planned: its day and hour are those of a retry as well.
        partly: whether to begin with the first rows where not all are carried.
        window: in which its rows may begin.
        priority: another than it had, if given.

    Returns:
        The batch to run, or a failed state that says why nothing may be bought.
    """
    try:
        given = replace(given_of(**options), day=planned.day, time=planned.time)
        name = fill_name(name, planned.day, planned.time)
        closes = window.closes(now()) if window else None
        batch = await _prepare(
            csv,
            name,
            owner,
            given,
            caller,
            token=token,
            partly=partly,
            closes=closes,
            priority=priority,
        )
        await asyncio.to_thread(note_planned_batch, batch.studio, planned, batch.spec.id)
        return batch
    except StudioError as error:
        await show_problems(shown_name(csv), error.details.get("problems", ()))
        return refused(error)


@task(name="preflight", task_run_name="preflight", persist_result=False)
async def preflight_again(
    batch: str,
    part: Part,
    owner: str,
    caller: Caller = ANYBODY,
    *,
    partly: bool = False,
    priority: Priority | None = None,
) -> BatchRun | State[Any]:
    """Quote the rows of a batch that are done again, show the quote, and hold its total once.

    Args:
        batch: its id.
        part: which of its rows.
        owner: whose it is.
        caller: who asks, for which project, and for how much at most.
        partly: whether to begin with the first rows where not all are carried.
        priority: another than it had, if given.

    Returns:
        The batch to run, or a failed state that says why nothing may be bought.
    """
    try:
        studio = await asyncio.to_thread(open_studio)
        again = await asyncio.to_thread(plan_again, studio, owner, batch, part, caller.user)
        running = await asyncio.to_thread(
            start_again, studio, again, str(flow_run.id), caller, priority
        )
        return await _hold(running, caller, partly=partly)
    except StudioError as error:
        await show_problems(batch, error.details.get("problems", ()))
        return refused(error)


@task(name="preflight", task_run_name="preflight", persist_result=False)
async def preflight_shard(batch: str, run: str, owner: str) -> Shards | State[Any]:
    """Check that a batch is being run, and has held for its rows; nothing is held here.

    Args:
        batch: its id.
        run: the flow run that runs it.
        owner: whose it is.

    Returns:
        The ranges that its rows are shared out in; a completed state if its run is over by now; a
        failed one that says why nothing may be bought.
    """
    try:
        studio = await asyncio.to_thread(open_studio)
        shards = await asyncio.to_thread(join_batch, studio, owner, batch, run)
    except StudioError as error:
        return refused(error)
    return shards or Completed(name="Skipped", message="Nothing was left for it to do.")


async def _prepare(
    file: str,
    name: str,
    owner: str,
    given: Given,
    caller: Caller,
    *,
    token: str,
    partly: bool,
    closes: datetime | None,
    priority: Priority | None,
) -> BatchRun:
    studio = await asyncio.to_thread(open_studio)
    source = await asyncio.to_thread(open_source, studio, file, owner, caller.user)
    return await begin(
        studio,
        source,
        name=name,
        owner=owner,
        given=given,
        caller=caller,
        token=token,
        partly=partly,
        closes=closes,
        priority=priority,
    )


async def begin(
    studio: Studio,
    source: BatchSource,
    *,
    name: str,
    owner: str,
    given: Given,
    caller: Caller,
    token: str = "",
    partly: bool = False,
    closes: datetime | None = None,
    priority: Priority | None = None,
) -> BatchRun:
    """Check and quote a file that was had, show its quote, and hold its total once.

    Raises:
        StudioError: it may not be bought; ``details['problems']`` has what is wrong with its rows.
    """
    run = str(flow_run.id)
    spec = await asyncio.to_thread(
        read_file,
        studio,
        source.data,
        source=source.name,
        owner=owner,
        name=name,
        folder=source.folder,
        given=given,
        user=caller.user,
    )
    planned = await asyncio.to_thread(
        plan_at_quote, studio, spec, token, skip_invalid=given.skip_invalid
    )
    spec = planned.spec
    if spec.left_out:
        problems = [problem.as_dict() for problem in spec.left_out]
        await show_problems(f"{source.name}: left out", problems)
    batch = await asyncio.to_thread(
        start_batch, studio, planned, run, caller, closes=closes, priority=priority
    )
    try:
        left_out = await asyncio.to_thread(
            keep_left_out, studio, spec, source.data, given.encoding, source.folder
        )
    except BaseException:
        await asyncio.to_thread(batch.abandon)
        raise
    if left_out:
        get_run_logger().warning("the rows that are left out are kept in %s", left_out)
    return await _hold(batch, caller, partly=partly)


async def _hold(batch: BatchRun, caller: Caller, *, partly: bool) -> BatchRun:
    """Show the quote of what is left of a batch, and set its credits aside."""
    spec = batch.spec
    try:
        quoted = await asyncio.to_thread(batch.quote)
        what = f"{len(spec.rows) - len(quoted.free)} of {count('row', len(spec.rows))} to buy"
        losses = await asyncio.to_thread(_losses, batch, quoted)
        page = await show_quote(_quote_text(batch, quoted, losses), quoted.total, what)
        get_run_logger().info("quote: %s credits, %s %s", money.show(quoted.total), what, page)
        for words in losses:
            get_run_logger().warning(words)
        # A run that waited for its window in place comes here more than once.
        key = f"{hold_key(str(flow_run.id), flow_run.run_count or 1)}/{batch.round}"
        await asyncio.to_thread(batch.hold_for, quoted, key, caller, partly=partly)
    except BaseException:
        await asyncio.to_thread(batch.abandon)
        raise
    held = sum(batch.parts.values())
    get_run_logger().info(
        "%s credits of wallet %s held for batch %s", money.show(held), spec.owner, spec.id
    )
    if batch.unpaid:
        left = count("row", len(batch.unpaid))
        get_run_logger().warning("what can be held does not carry %s: they are left", left)
    return batch


async def show_problems(csv: str, problems: Sequence[dict[str, Any]]) -> None:
    """Show what is wrong with a file as a table, and the first lines of it in the log."""
    if not problems:
        return
    title = f"{count('problem', len(problems))} in {csv}"
    rows = [
        (str(each["line"]), each["row"], each["field"], each["value"], each["rule"])
        for each in problems[:MOST_LINES]
    ]
    paragraphs = [f"## {title}", table(("line", "row", "column", "found", "rule"), rows)]
    if len(problems) > MOST_LINES:
        paragraphs.append(f"All {len(problems)}: `studio batch check {csv}`")
    page = await show_table(title, "\n\n".join(paragraphs))
    for each in problems[:_MOST_LOGGED]:
        get_run_logger().error(str(Problem(**each)))
    get_run_logger().error("%s %s", title, page)


def approval_text(batch: BatchRun) -> str:
    """Return what an approver has to know: the quote, and how long it waits."""
    quoted = batch.quote()
    text = _quote_text(batch, quoted, _losses(batch, quoted))
    asked = batch.word()
    until = f"{asked.until:%Y-%m-%d %H:%M} UTC"
    return f"{text}\n\nStarted by {asked.asked_by}. Without a word by {until}, nothing is bought."


def _quote_text(batch: BatchRun, quoted: BatchQuote, losses: Sequence[str]) -> str:
    reasons = Counter(quoted.free.values())
    notes = [f"{count('row', number)} free: {reason}." for reason, number in reasons.items()]
    if batch.planned.promise:
        notes.append(f"The prices are those of the signed quote {batch.planned.promise}.")
    if quoted.quote is None:
        free = "\n".join(f"- {note}" for note in notes)
        return f"## Quote\n\n**0 credits**: nothing is left to buy.\n\n{free}"
    titles = {}
    for row in batch.spec.rows:
        titles[row.name] = f"{row.name}: {row.operation.title}"
        planned = batch.planned.rows.get(row.name)
        if planned is not None and (before := planned.prompt):
            titles[prompt_line(row)] = f"{row.name}: {before.operation.title}"
    return quote_markdown(
        quoted.quote, wallet=batch.spec.owner, titles=titles, notes=notes, losses=losses
    )


def _losses(batch: BatchRun, quoted: BatchQuote) -> list[str]:
    """Say what is not used of what the rows give that are to be bought."""
    found = batch_losses(batch.studio, batch.planned, quoted.free)
    words = [str(loss) for loss in found[:_MOST_LOGGED]]
    if len(found) > _MOST_LOGGED:
        words.append(f"… and {len(found) - _MOST_LOGGED} more of this kind.")
    return words


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


@task(name="settle", task_run_name="settle", persist_result=False)
async def settle_batch(batch: BatchRun) -> Counter[str] | State[Any]:
    """End the hold, write manifest and pictures to the batch's folder, show the pictures.

    Returns:
        How many rows have each status, or a failed state: all is paid for, but not delivered.
    """
    counts = await asyncio.to_thread(batch.finish)
    try:
        await _deliver(batch)
    except StudioError as error:
        return refused(error)
    return counts


async def _deliver(batch: BatchRun) -> None:
    folder = folder_of(batch.studio, batch.spec)
    await asyncio.to_thread(deliver, batch.studio, batch.view, folder)
    jobs = [job for row in batch.spec.rows if (job := batch.view.job_of(row)) and not row.same_as]
    forms = await next_forms()
    gallery = await asyncio.to_thread(gallery_of, batch.studio, jobs, forms)
    page = await show_gallery(gallery, _rest_text(batch.view, folder))
    get_run_logger().info("%s: %s", gallery.title, page)
    get_run_logger().info("pictures and manifest are in %s", folder)


def _rest_text(view: BatchView, folder: Path) -> str:
    """Say where the files are, and which rows were not done, and why."""
    where = f"Files and manifest: `{folder}`"
    rows = [
        (str(entry.line), entry.row, entry.status, entry.error)
        for entry in manifest_rows(view)
        if entry.status != DONE
    ]
    if not rows:
        return where
    left = [f"## {count('row', len(rows))} not done", table(_LEFT, rows[:MOST_LINES])]
    if len(rows) > MOST_LINES:
        left.append(f"… and {len(rows) - MOST_LINES} more in the manifest")
    return "\n\n".join([where, *left, what_next(entry[2] for entry in rows)])


def what_next(statuses: Iterable[str]) -> str:
    """Say what a person can do about rows that are not done.

    Args:
        statuses: the statuses of a batch's rows; also of those that are done.
    """
    left = set(statuses) - {DONE}
    words = []
    if left - {INVALID, "unknown"}:
        words.append("Run the batch again to do only what is not done.")
    if "unknown" in left:
        words.append(
            "One whose outcome is unknown may have been bought: it is not repeated by itself."
        )
    if INVALID in left:
        words.append(f"What was left out is in {LEFT_OUT}, with why: mend it and run that file.")
    return " ".join(words)
