"""The tasks of upkeep."""

from __future__ import annotations

import asyncio
from uuid import UUID

from prefect import get_client, get_run_logger, task
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from billing.ledger import Discrepancy, Ledger
from engine import tidying, upkeep
from engine.batch_ending import end_cancelled, left_batches
from engine.resume import Resumed, resume_orphans
from engine.studio import open_studio
from studio import credits as money

_MOST_BATCHES = 100
"""Batches that one upkeep brings to their end."""


@task(name="preflight", persist_result=False)
async def preflight_free() -> None:
    """Say that nothing is bought here: without a hold no provider can be reached anyway."""
    get_run_logger().info("a quote of 0 credits: nothing is held, and so nothing can be bought")


@task(name="resume", persist_result=False)
async def resume() -> Resumed:
    """Go on with the jobs of processes that are gone: collect, store, settle. It buys nothing."""
    studio = await asyncio.to_thread(open_studio)
    resumed = await asyncio.to_thread(lambda: studio.loop.run(resume_orphans(studio)))
    if resumed.unknown:
        get_run_logger().warning(
            "%s jobs have an unknown outcome: `studio jobs list --state unknown`", resumed.unknown
        )
    return resumed


@task(name="end-cancelled", persist_result=False)
async def end_cancelled_batches() -> int:
    """Bring batches to their end whose runs Prefect cancelled; return how many there were."""
    studio = await asyncio.to_thread(open_studio)
    ended, failed = 0, []
    async with get_client() as client:
        for left in (await asyncio.to_thread(left_batches, studio))[:_MOST_BATCHES]:
            # A run that crashed stays as it is: running it again goes on with it.
            if not await _is_cancelled(client, left.run):
                continue
            try:
                done = await asyncio.to_thread(end_cancelled, studio, left)
            except Exception as error:  # noqa: BLE001 - raised below
                # Whatever is wrong with one of them, the others are ended.
                get_run_logger().exception("batch %s of %s cannot be ended", left.id, left.owner)
                failed.append(error)
                continue
            if done:
                get_run_logger().warning("batch %s of %s was cancelled", left.id, left.owner)
                ended += 1
    if failed:
        raise failed[0]
    return ended


async def _is_cancelled(client: PrefectClient, run: str) -> bool:
    try:
        found = await client.read_flow_run(UUID(run))
    except (ValueError, ObjectNotFound):
        return False
    return found.state is not None and found.state.is_cancelled()


@task(name="renew", persist_result=False)
async def renew() -> int:
    """Grant the credits of periods that have begun; return how many accounts there were."""
    studio = await asyncio.to_thread(open_studio)
    renewed = await asyncio.to_thread(upkeep.renew_accounts, studio)
    for owner in renewed:
        get_run_logger().info("a new period of %s has begun", owner)
    low = await asyncio.to_thread(upkeep.watch_balances, studio)
    if low:
        get_run_logger().info("%s wallets are low; their owners are told", low)
    return len(renewed)


@task(name="reap", persist_result=False)
async def reap() -> int:
    """End the holds and let the grants lapse whose time is over; return how many holds."""
    studio = await asyncio.to_thread(open_studio)
    # Holds first: what they return to a grant that is over lapses with them.
    ended = await asyncio.to_thread(upkeep.reap_holds, studio)
    lapsed = await asyncio.to_thread(Ledger(studio.database, group=studio.commits).lapse)
    if lapsed:
        get_run_logger().info("%s grants lapsed, their time was over", len(lapsed))
    for hold in ended:
        get_run_logger().warning(
            "hold %s of %s ended by time: %s credits of %s returned (%s)",
            hold.id,
            hold.owner,
            money.show(hold.released),
            money.show(hold.amount),
            hold.purpose,
        )
    return len(ended)


@task(name="empty-trash", persist_result=False)
async def empty_trash() -> int:
    """Take what is in the trash for long enough out of the library; return how many."""
    studio = await asyncio.to_thread(open_studio)
    gone = await asyncio.to_thread(tidying.empty_trash, studio)
    if gone.assets:
        get_run_logger().info(
            "%s assets left the trash for good, %s files of %s bytes were set aside for a day",
            gone.assets,
            gone.files,
            gone.bytes,
        )
    return gone.assets


@task(name="audit", persist_result=False)
async def audit_books() -> list[Discrepancy]:
    """Recompute every balance from the entries and return what does not agree."""
    studio = await asyncio.to_thread(open_studio)
    faults = await asyncio.to_thread(upkeep.audit_books, studio)
    for fault in faults:
        get_run_logger().error("the books do not agree: %s", fault)
    return faults
