"""Serving the deployments from this machine: the way of ``studio up``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from importlib.metadata import version

from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from deployments.automations import automations, register_automations
from deployments.catalogue import Offered
from deployments.schedules import name_schedules
from flows.upkeep import upkeep

_POLL_SECONDS = 2


def serve_deployments(
    offered: Sequence[Offered], *, limit: int, started: Callable[[], None]
) -> None:
    """Register deployments and automations, and run what is asked of them, until SIGINT or SIGTERM.

    Args:
        limit: runs at once, each a process of about 150 MB.
        started: called once all of them are registered.
    """
    asyncio.run(_serve(offered, limit, started))


async def _serve(offered: Sequence[Offered], limit: int, started: Callable[[], None]) -> None:
    # Schedules stay on when this stops: what is missed shows as late, instead of being forgotten.
    runner = Runner(
        name="studio", limit=limit, query_seconds=_POLL_SECONDS, pause_on_shutdown=False
    )
    await register(runner, offered)
    serving = asyncio.create_task(runner.start())
    stop = asyncio.Event()
    # The runner sets a handler of its own when it starts; ours comes after it.
    await asyncio.sleep(0)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    started()
    await asyncio.wait(
        {serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED
    )
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def register(runner: Runner, offered: Sequence[Offered]) -> None:
    """Tell the Prefect server of deployments; schedules that people added stay as they are."""
    for each in offered:
        if not (each.interval or each.cron):
            await asyncio.to_thread(name_schedules, f"{each.flow.name}/{each.name}")
        deployment = await each.flow.ato_deployment(
            name=each.name,
            description=each.description,
            tags=list(each.tags),
            interval=each.interval,
            cron=each.cron or None,
            version=version("image-studio"),
            enforce_parameter_schema=True,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        identifier = await runner.aadd_deployment(deployment)
        if each.flow is upkeep:
            await register_automations(automations(identifier))
