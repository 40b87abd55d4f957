"""Notify: sends what waits in the outbox through Apprise."""

from __future__ import annotations

import asyncio

from prefect import get_run_logger, task

from engine.notifications import send_waiting
from engine.studio import open_studio


@task(name="notify", persist_result=False)
async def notify() -> int:
    """Send what is due and return how many messages went out; the rest is tried again later."""
    studio = await asyncio.to_thread(open_studio)
    sent = await asyncio.to_thread(send_waiting, studio.database, studio.settings)
    if sent:
        get_run_logger().info("%s messages sent", sent)
    return sent
