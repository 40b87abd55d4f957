"""The tasks of imports: the gate, and the work itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from billing.ledger import Hold
from engine.file_links import file_link
from engine.importing import Imported, bring_in, write_report
from engine.preflight import Caller
from engine.single import hold_credits, hold_key, release_hold, release_run
from engine.studio import Studio, open_studio
from studio.errors import StudioError
from tasks.artifacts import MOST_LINES, count, show_table, table
from tasks.states import refused


@task(name="preflight", persist_result=False)
async def preflight_nothing(owner: str, caller: Caller, what: str) -> Hold | State[object]:
    """Have the gate judge who asks for work that costs nothing: a quote of 0 is held as any other.

    Args:
        owner: into whose library.
        caller: who asks.
        what: what is asked for, in a few words.

    Returns:
        The hold, or a failed state that says why it may not be done.
    """
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    try:
        if flow_run.run_count > 1:
            await asyncio.to_thread(release_run, studio, owner, run)
        key = hold_key(run, flow_run.run_count)
        held = await asyncio.to_thread(hold_credits, studio, owner, key, 0, what, caller=caller)
    except StudioError as error:
        return refused(error)
    get_run_logger().info("a quote of 0 credits for wallet %s: %s costs nothing", owner, what)
    return held


@task(name="import", persist_result=False)
async def import_all(owner: str, sources: Sequence[str]) -> Imported | State[object]:
    """Import files, folders, ZIPs and what is at addresses; show what was refused."""
    studio = await asyncio.to_thread(open_studio)
    log = get_run_logger()
    run = str(flow_run.id)
    try:
        done = await asyncio.to_thread(
            bring_in, studio, owner, sources, run=run, tell=lambda it: log.info(it.words())
        )
    except StudioError as error:
        return refused(error)
    path = await asyncio.to_thread(write_report, studio.settings, run, done)
    page = await show_table("Import", _page(studio, done))
    log.info("%s; the report is in %s and on %s", done.words(), path, page)
    return done


@task(name="release", persist_result=False)
async def release_nothing(owner: str, held: Hold) -> None:
    """End the hold."""
    studio = await asyncio.to_thread(open_studio)
    await asyncio.to_thread(release_hold, studio, owner, held.id)


def _page(studio: Studio, done: Imported) -> str:
    first = [file_link(studio.settings, each) for each in done.assets[:MOST_LINES]]
    paragraphs = ["## Import", f"{done.words()}.", "\n".join(f"- <{each}>" for each in first)]
    if len(done.assets) > len(first):
        paragraphs.append(f"… and {count('asset', len(done.assets) - len(first))} more")
    if done.refused:
        head = ("file", "why not", "given", "allowed")
        rows = [(it.name, it.reason, it.given, it.allowed) for it in done.refused[:MOST_LINES]]
        paragraphs += ["### Refused", table(head, rows)]
    if len(done.refused) > MOST_LINES:
        paragraphs.append(f"… and {len(done.refused) - MOST_LINES} more, in the report's file")
    return "\n\n".join(paragraphs)
