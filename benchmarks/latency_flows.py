"""A bare Prefect deployment, to compare with: a flow of one task, and who carries out its runs."""

from __future__ import annotations

import asyncio
import sys

from prefect import flow, task
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from benchmarks.latency_words import BARE_POOL, SERVED
from deployments.catalogue import Offered
from deployments.pools import ensure_pool
from deployments.serving import register
from flows.social import export_for_social_media


@task
def nothing() -> None:
    """Do nothing."""


@flow(name="bare")
async def bare() -> None:
    """Run a task that does nothing."""
    nothing.submit().wait()


async def _pool() -> None:
    await ensure_pool(BARE_POOL)
    deployment = await bare.ato_deployment("worker", entrypoint_type=EntrypointType.MODULE_PATH)
    deployment.entrypoint = "benchmarks.latency_flows.bare"
    await deployment.aapply(work_pool_name=BARE_POOL)


async def _serve() -> None:
    """Serve as ``serve`` does, with its own settings."""
    runner = Runner(name="bare", pause_on_shutdown=False)
    deployment = await bare.ato_deployment("serve", entrypoint_type=EntrypointType.MODULE_PATH)
    deployment.entrypoint = "benchmarks.latency_flows.bare"
    await runner.aadd_deployment(deployment)
    await runner.start()


async def _studio() -> None:
    """Serve a flow of the studio's by Prefect's runner, which looks every two seconds."""
    runner = Runner(name="studio", query_seconds=2, pause_on_shutdown=False)
    await register(runner, [Offered(export_for_social_media, SERVED, "", ())])
    await runner.start()


if __name__ == "__main__":
    asyncio.run({"pool": _pool, "serve": _serve, "studio": _studio}[sys.argv[1]]())
