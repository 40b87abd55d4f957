"""Settle: the run's hold is ended and what was made is shown.

Each picture was paid for and filed in one transaction when it was made; here the rest of the hold
returns to the wallet.
"""

from __future__ import annotations

import asyncio

from prefect import get_run_logger, task

from engine.execute import Order
from engine.jobs import Job
from engine.single import release_hold
from engine.studio import open_studio
from studio import credits as money
from tasks.artifacts import count, gallery_of, show_gallery


@task(name="settle", task_run_name="settle", persist_result=False)
async def settle(order: Order, job: Job | None) -> None:
    """Release what is left of the hold; show the pictures when there are some."""
    studio = await asyncio.to_thread(open_studio)
    held = await asyncio.to_thread(release_hold, studio, order.owner, order.hold)
    get_run_logger().info(
        "%s credits spent, %s returned, %s still held",
        money.show(held.captured),
        money.show(held.released),
        money.show(held.claimed),
    )
    if job is not None and job.state == "settled":
        gallery = await asyncio.to_thread(gallery_of, studio, [job])
        page = await show_gallery(gallery)
        get_run_logger().info("%s: %s", count("picture", gallery.count), page)
