"""The form in which a batch asks for approval: its run pauses until somebody has decided."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from math import ceil
from typing import Literal
from uuid import UUID

from prefect import get_run_logger
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import apause_flow_run, aresume_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run as this_run
from pydantic import Field

from engine.batch import BatchRun
from engine.batch_approval import Approval, Verdict, decide
from engine.batch_control import wish_of
from studio import credits as money
from studio.clock import now
from studio.errors import BatchCancelled, StudioError
from tasks.batch import approval_text

_POLL_SECONDS = 2
_SPARE_SECONDS = 300
_VERDICTS: Mapping[str, Verdict] = {"approve": "approved", "reject": "rejected"}
_WORDS: Mapping[str, str] = {verdict: word for word, verdict in _VERDICTS.items()}


class Decision(RunInput):
    """What an approver fills in."""

    decision: Literal["approve", "reject"] = Field(
        title="Decision", description="Approved, its rows are bought; rejected, none is."
    )
    approver: str = Field(
        title="Approver",
        description="Your user name: an admin of the workspace. It is kept with the batch.",
        min_length=1,
        max_length=80,
    )
    reason: str = Field(
        default="", title="Reason", description="Why; kept with the batch.", max_length=200
    )


async def approved(running: BatchRun) -> None:
    """Return when a batch may be bought: at once, or when somebody has said so.

    It also returns once the batch is cancelled; none of its rows then begins.

    Raises:
        ApprovalRefused: somebody said no, or nobody anything in time.
    """
    if running.approval is None:
        return
    text = await asyncio.to_thread(approval_text, running)
    word = await _wait_for_word(running, text)
    if word.waiting and await asyncio.to_thread(_is_cancelled, running):
        error = BatchCancelled(
            "The batch was cancelled while it waited for approval; nothing was bought.",
            batch=running.spec.id,
        )
        await asyncio.to_thread(running.call_off, error)
        return
    await asyncio.to_thread(running.heed, word)


def _is_cancelled(running: BatchRun) -> bool:
    with running.studio.database.read() as connection:
        wish = wish_of(connection, running.spec.id)
    return wish is not None and wish.wish == "cancel"


async def _wait_for_word(running: BatchRun, text: str) -> Approval:
    """Pause the run until somebody has decided about its batch, or the time for it is over.

    The word that counts is the one in the database: one given on the command line ends the pause,
    and one of who may not give it is asked for again.

    Args:
        running: the batch.
        text: its quote as Markdown, for the form.
    """
    asked = await asyncio.to_thread(running.word)
    get_run_logger().warning(
        "Batch %s for %s credits needs approval until %s UTC: `studio batch approve %s`, or Resume "
        "on the run's page",
        asked.batch,
        money.show(asked.amount),
        f"{asked.until:%Y-%m-%d %H:%M}",
        asked.batch,
    )
    fault = ""
    while asked.waiting and (left := (asked.until - now()).total_seconds()) > 0:
        said = await _ask(running, asked, text + fault, left)
        if said is None:
            # The run stays paused in Prefect's eyes, and cannot be paused once more.
            return await asyncio.to_thread(running.word)
        if now() < asked.until:
            fault = await asyncio.to_thread(_take, running, said)
        asked = await asyncio.to_thread(running.word)
    return asked


async def _ask(running: BatchRun, asked: Approval, text: str, left: float) -> Decision | None:
    """Pause for the form; ``None`` if Prefect ended the pause.

    We end it ourselves when the time is over: Prefect fails a run whose pause timed out, in words
    that nobody can act on.
    """
    form = Decision.with_initial_data(description=text)
    pause = asyncio.create_task(
        apause_flow_run(
            wait_for_input=form, timeout=ceil(left) + _SPARE_SECONDS, poll_interval=_POLL_SECONDS
        )
    )
    elsewhere = asyncio.create_task(_end_pause(running, asked, UUID(str(this_run.id))))
    try:
        await asyncio.wait({pause, elsewhere}, return_when=asyncio.FIRST_COMPLETED)
        if not pause.done() and await elsewhere == "cancelled":
            return None
        return await pause
    except FlowPauseTimeout:
        return None
    except RuntimeError as refused:
        # Prefect's Cancel was pressed before the pause began; it is a wish in a moment.
        get_run_logger().warning("%s; the batch waits without the form", refused)
        await _said_elsewhere(running, asked)
        return None
    finally:
        for task in (pause, elsewhere):
            task.cancel()
        await asyncio.gather(pause, elsewhere, return_exceptions=True)  # told above, if at all


def _take(running: BatchRun, said: Decision) -> str:
    """Write a decision down; return why it does not count, if it does not."""
    work = partial(
        decide,
        owner=running.spec.owner,
        batch=running.spec.id,
        verdict=_VERDICTS[said.decision],
        by=said.approver,
        reason=said.reason,
        lasts=running.hold_lasts,
    )
    try:
        running.studio.database.write(work)
    except StudioError as error:
        return f"\n\n**The last answer does not count.** {error}"
    return ""


async def _said_elsewhere(running: BatchRun, asked: Approval) -> tuple[Approval, bool]:
    """Wait until the word is given elsewhere, the batch is cancelled, or the time is over.

    Returns:
        The word, and whether the batch is cancelled.
    """
    word, cancelled = asked, False
    while word.waiting and now() < asked.until and not cancelled:
        await asyncio.sleep(_POLL_SECONDS)
        word = await asyncio.to_thread(running.word)
        cancelled = await asyncio.to_thread(_is_cancelled, running)
    return word, cancelled


async def _end_pause(
    running: BatchRun, asked: Approval, run: UUID
) -> Literal["cancelled", "decided"]:
    """End the pause when the word is given elsewhere, or the time for it is over.

    A batch that is cancelled waits for no word, whatever Prefect takes its run's state for.
    """
    word, cancelled = await _said_elsewhere(running, asked)
    # Prefect wants the form filled in; what counts is the word in the database.
    said = {"decision": _WORDS.get(word.decision, "reject"), "approver": word.by or "nobody"}
    if word.waiting and cancelled:
        with contextlib.suppress(NotPausedError):
            await aresume_flow_run(run, run_input={**said, "reason": ""})
        return "cancelled"
    while True:
        # Until it is: the word may be there before the pause is.
        with contextlib.suppress(NotPausedError):
            await aresume_flow_run(run, run_input={**said, "reason": word.reason})
            return "decided"
        await asyncio.sleep(_POLL_SECONDS)
