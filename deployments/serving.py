"""Serving the deployments from this machine: the way of ``studio up``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any
from uuid import UUID

from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from deployments.automations import automations, register_automations
from deployments.catalogue import Offered
from deployments.pools import ensure_pool
from deployments.schedules import name_schedules
from flows.upkeep import upkeep

_POLL_SECONDS = 2


def serve_deployments(
    offered: Sequence[Offered], *, limit: int, started: Callable[[], None], pool: str = ""
) -> None:
    """Register deployments and automations, and run what is asked of them, until SIGINT or SIGTERM.

    Args:
        limit: runs at once, each a process of about 150 MB.
        started: called once all of them are registered.
        pool: the work pool whose workers run them; this process runs them itself, if empty.
    """
    asyncio.run(_serve(offered, limit, started, pool))


async def register_in_pool(offered: Sequence[Offered], pool: str) -> None:
    """Register deployments and automations for the workers of a pool, which is made if missing.

    Schedules that people added stay as they are.

    Raises:
        SetupIncomplete: the pool is not one for processes.
    """
    await ensure_pool(pool)
    for each in offered:
        deployment = await _deployment(each)
        await _automate(each, await deployment.aapply(work_pool_name=pool))


async def _serve(
    offered: Sequence[Offered], limit: int, started: Callable[[], None], pool: str
) -> None:
    stop = asyncio.Event()
    ending: set[asyncio.Task[Any]] = {asyncio.create_task(stop.wait())}
    if pool:
        await register_in_pool(offered, pool)
    else:
        # Schedules stay on when this stops: what is missed shows as late, not forgotten.
        runner = Runner(
            name="studio", limit=limit, query_seconds=_POLL_SECONDS, pause_on_shutdown=False
        )
        await register(runner, offered)
        ending.add(asyncio.create_task(runner.start()))
        # The runner sets a handler of its own when it starts; ours comes after it.
        await asyncio.sleep(0)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    started()
    await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
    for task in ending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def register(runner: Runner, offered: Sequence[Offered]) -> None:
    """Tell the Prefect server of deployments; schedules that people added stay as they are."""
    for each in offered:
        await _automate(each, await runner.aadd_deployment(await _deployment(each)))


async def _deployment(each: Offered) -> RunnerDeployment:
    await asyncio.to_thread(name_schedules, f"{each.flow.name}/{each.name}", each.rhythm)
    return await each.flow.ato_deployment(
        name=each.name,
        description=each.description,
        tags=list(each.tags),
        schedule=each.schedule,
        parameters=dict(each.parameters),
        concurrency_limit=each.limit,
        version=version("image-studio"),
        enforce_parameter_schema=True,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def _automate(each: Offered, identifier: UUID) -> None:
    if each.flow is upkeep:
        await register_automations(automations(identifier))
