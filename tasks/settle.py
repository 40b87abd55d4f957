"""Settle: the run's hold is ended and what was made is shown.

Each picture was paid for and filed in one transaction when it was made; here the rest of the hold
returns to the wallet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prefect import get_run_logger, task

from engine.comparison import comparison
from engine.execute import Order
from engine.jobs import Job
from engine.single import release_hold
from engine.studio import Studio, open_studio
from studio import credits as money
from studio.errors import StudioError
from tasks.artifacts import gallery_of, show_comparison, show_gallery
from tasks.next_forms import next_forms


@task(name="settle", task_run_name="settle", persist_result=False)
async def settle(orders: Sequence[Order], jobs: Sequence[Job]) -> None:
    """Release what is left of the hold; show the pictures when there are some."""
    studio = await asyncio.to_thread(open_studio)
    held = await asyncio.to_thread(release_hold, studio, orders[0].owner, orders[0].hold)
    get_run_logger().info(
        "%s credits spent, %s returned, %s still held",
        money.show(held.captured),
        money.show(held.released),
        money.show(held.claimed),
    )
    forms = await next_forms()
    gallery = await asyncio.to_thread(gallery_of, studio, jobs, forms)
    if gallery.count:
        again = f"[Again: the same form, filled in as it was]({forms.again})" if forms.again else ""
        page = await show_gallery(gallery, again)
        get_run_logger().info("%s: %s", gallery.title, page)
    for job in jobs:
        await _compare(studio, job)


async def _compare(studio: Studio, job: Job) -> None:
    """Show what was given beside what was made; that this fails does not fail the run."""
    try:
        image = await asyncio.to_thread(comparison, studio.store, job)
    except StudioError as error:
        get_run_logger().warning("before and after cannot be shown: %s", error)
        return
    if image is not None:
        page = await show_comparison(f"{job.label}: before and after", image)
        get_run_logger().info("before and after: %s", page)
