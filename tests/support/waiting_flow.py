"""A flow that waits once; in a module of its own, which the process of its run imports."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from studio.clock import now
from tasks.upkeep import preflight_free
from tasks.waking import wait_until


@flow(name="waits-once")
async def waits_once(notes: str) -> None:
    """Note for when it is planned, and wait the first time."""
    await preflight_free()
    with Path(notes).open("a", encoding="utf-8") as file:  # noqa: ASYNC230 - a line of a test
        file.write(f"{flow_run.scheduled_start_time}\n")
    if flow_run.run_count < 2:
        await wait_until(now() + timedelta(seconds=3), "AwaitingWindow", "It is closed.")
