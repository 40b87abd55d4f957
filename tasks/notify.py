"""Notify: sends what waits in the outbox through Apprise."""

from __future__ import annotations

import asyncio

from prefect import get_run_logger, task

from engine.sending import send_waiting
from engine.studio import open_studio
from studio.errors import StudioError
from tasks.telling import show, show_providers


@task(name="notify", task_run_name="notify", persist_result=False)
async def notify() -> int:
    """Send what is due and return how many messages went out; the rest is tried again later.

    What is told is bought and filed already: that nobody can be told now does not fail the run.
    """
    studio = await asyncio.to_thread(open_studio)
    try:
        await asyncio.to_thread(show_providers, studio)
        sent = await asyncio.to_thread(
            send_waiting, studio.database, studio.settings, studio.store, show
        )
    except StudioError as error:
        get_run_logger().error("messages wait in the outbox: %s", error)
        return 0
    if sent:
        get_run_logger().info("%s messages sent", sent)
    return sent
