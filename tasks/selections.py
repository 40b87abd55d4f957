"""The tasks of work on a selection of the library: a batch of it, its export, clearing up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from batches import given_of
from engine import exporting, tidying
from engine.batch import BatchRun
from engine.exporting import Exported
from engine.file_links import file_link
from engine.preflight import Caller
from engine.selection import Selection, as_batch, select_assets
from engine.studio import Studio, open_studio
from engine.tidying import Checked, Tidied
from engine.uses import note_uses
from library import Asset, Use
from providers.pacing import Priority
from studio.clock import now
from studio.errors import StudioError
from tasks.artifacts import count, show_table, table
from tasks.batch import begin, show_problems
from tasks.states import refused

EXPORT_DAYS = 7
"""How long an export is kept."""


@task(name="preflight", task_run_name="preflight", persist_result=False)
async def preflight_selection(
    wanted: Selection,
    operation: str,
    defaults: str,
    owner: str,
    caller: Caller,
    *,
    partly: bool = False,
    priority: Priority | None = None,
) -> BatchRun | State[object]:
    """Find the pictures, check and quote a row for each, show the quote, hold its total once.

    Args:
        operation: what is done with each: an operation or a chain.
        defaults: its fields, a line for each.
        caller: who asks, for which project, and for how much at most.
        partly: whether to begin with the first rows where not all are carried.
        priority: another than it had, if given.

    Returns:
        The batch to run, or a failed state that says why nothing may be bought.
    """
    studio = await asyncio.to_thread(open_studio)
    try:
        given = given_of(operation, defaults)
        found = await asyncio.to_thread(select_assets, studio, owner, wanted, caller.user)
        get_run_logger().info("%s fit: %s", count("picture", len(found)), wanted)
        source = as_batch(found, wanted)
        return await begin(
            studio,
            source,
            name="",
            owner=owner,
            given=given,
            caller=caller,
            partly=partly,
            priority=priority,
        )
    except StudioError as error:
        await show_problems(str(wanted), error.details.get("problems", ()))
        return refused(error)


@task(name="export", persist_result=False)
async def export_selection(
    wanted: Selection, owner: str, user: str, *, as_zip: bool
) -> Exported | State[object]:
    """Write the files of a selection and their manifest; show where they are."""
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    try:
        found = await asyncio.to_thread(select_assets, studio, owner, wanted, user)
        done = await asyncio.to_thread(_exported, studio, found, run, as_zip=as_zip)
    except StudioError as error:
        return refused(error)
    link = address(studio, run) if as_zip else ""
    page = await show_table("Export", _export_page(done, wanted, link))
    get_run_logger().info("%s in %s %s %s", count("file", done.files), done.path, link, page)
    return done


def _exported(studio: Studio, found: Sequence[Asset], run: str, *, as_zip: bool) -> Exported:
    """Write files, and count each as downloaded.

    They are counted here and not by the link: a folder has none, and a ZIP may as well be taken
    from the disk, or be fetched in parts and several times.
    """
    done = exporting.export(studio.settings, studio.store, found, run, as_zip=as_zip)
    note_uses(studio, [Use(each.owner, each.id, "download") for each in found])
    return done


def address(studio: Studio, run: str) -> str:
    """Return where the ZIP of a run's export is had with a browser."""
    return file_link(studio.settings, run, "exports")


def _export_page(done: Exported, wanted: Selection, link: str) -> str:
    facts = [
        ("files", f"{done.files:,}"),
        ("bytes", f"{done.bytes:,}"),
        ("selection", str(wanted)),
        ("kept for", f"{EXPORT_DAYS} days"),
    ]
    where = f"On the machine of the run: `{done.path}`"
    parts = ["## Export", table(("", ""), facts), where]
    return "\n\n".join([*parts, *([f"[Download the ZIP]({link})"] if link else [])])


@dataclass(frozen=True, slots=True)
class Tidy:
    """What clearing up came to.

    Attributes:
        purged: what left the trash.
        orphans: files that nothing needed.
        exports: exports whose time was over.
        checked: how files and rows agree afterwards.
    """

    purged: Tidied
    orphans: Tidied
    exports: int
    checked: Checked


@task(name="tidy", persist_result=False)
async def tidy(*, look_only: bool) -> Tidy:
    """Empty the trash, remove files that nothing needs and old exports, and check what is left.

    Args:
        look_only: whether nothing is removed.
    """
    studio = await asyncio.to_thread(open_studio)
    done = await asyncio.to_thread(_tidy, studio, look_only=look_only)
    page = await show_table("Library check", _tidy_page(done, look_only=look_only))
    get_run_logger().info("library check: %s", page)
    return done


def _tidy(studio: Studio, *, look_only: bool) -> Tidy:
    nothing = Tidied(0, 0, 0)
    if look_only:
        return Tidy(nothing, nothing, 0, tidying.check_library(studio))
    purged = tidying.empty_trash(studio)
    orphans = tidying.remove_orphans(studio)
    gone = exporting.remove_old(studio.settings, now() - timedelta(days=EXPORT_DAYS))
    return Tidy(purged, orphans, gone, tidying.check_library(studio))


def _tidy_page(done: Tidy, *, look_only: bool) -> str:
    found, removed = done.checked, done.purged.files + done.orphans.files
    facts = [
        ("left the trash for good", f"{done.purged.assets:,} assets"),
        ("files removed", f"{removed:,}, {done.purged.bytes + done.orphans.bytes:,} bytes"),
        ("old exports removed", f"{done.exports:,}"),
        ("files kept", f"{found.files:,}, {found.bytes:,} bytes"),
        ("files that nothing needs yet", f"{len(found.orphans):,}, {found.orphan_bytes:,} bytes"),
        ("assets without their file", ", ".join(found.missing) or "none"),
    ]
    parts = ["## Library check", table(("", ""), facts)]
    if look_only:
        parts.append("Only looked: nothing was removed.")
    parts += [f"- {each}" for each in found.faults]
    return "\n\n".join(parts)
