"""Serving the deployments from this machine: the way of ``studio up``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any
from uuid import UUID

from prefect.automations import Automation
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from deployments.alerts import alerts
from deployments.automations import automations, register_automations
from deployments.blocks import register_blocks
from deployments.catalogue import Offered
from deployments.pools import ensure_pool
from deployments.schedules import name_schedules
from deployments.warm.worker import work
from flows.telling import tell_operators
from flows.upkeep import upkeep

OWN_POOL = "studio-up"
"""The work pool of a studio that carries out its runs itself."""


def serve_deployments(
    offered: Sequence[Offered], *, limit: int, started: Callable[[], None], pool: str = ""
) -> None:
    """Register deployments and automations, and run what is asked of them, until SIGINT or SIGTERM.

    Args:
        limit: runs at once, each a process.
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
    await register_blocks()
    known = {}
    for each in offered:
        deployment = await _deployment(each)
        known[each.flow.name] = await deployment.aapply(work_pool_name=pool)
    await _automate(known)


async def _serve(
    offered: Sequence[Offered], limit: int, started: Callable[[], None], pool: str
) -> None:
    stop = asyncio.Event()
    ending: set[asyncio.Task[Any]] = {asyncio.create_task(stop.wait())}
    await register_in_pool(offered, pool or OWN_POOL)
    if not pool:
        ending.add(asyncio.create_task(work(OWN_POOL, limit, "studio up")))
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
    known = {}
    for each in offered:
        known[each.flow.name] = await runner.aadd_deployment(await _deployment(each))
    await _automate(known)


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


async def _automate(known: Mapping[str, UUID]) -> None:
    """Register the automations whose deployments are there, by their flows' names."""
    wanted: list[Automation] = []
    if upkeep.name in known:
        wanted += automations(known[upkeep.name])
    if tell_operators.name in known:
        wanted += alerts(known[tell_operators.name])
    await register_automations(wanted)
