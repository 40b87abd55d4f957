"""What workers run when a batch is shared out: the real flows, in a studio that buys of a test's
server.

A worker imports this module in a process of its own for each run; ``python -m
tests.support.sharded`` tells the Prefect server of the flows.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from prefect.types.entrypoint import EntrypointType

from deployments.pools import ensure_pool
from engine.studio import Studio, use_studio
from flows.batch import batch
from flows.batch_shard import batch_shard
from tasks.named import SHARD
from tests.support.providers import PaidProvider, book
from tests.support.studios import make_studio

__all__ = ["batch", "batch_shard"]

NAME = "shared out"
URL = "SHARDED_URL"
"""The environment variable that says where the provider is."""


def opened(home: Path, database_url: str, url: str, width: int) -> Studio:
    """Open the studio that all processes share; its provider's work is collected later.

    Who is killed finds its work again by the provider's own id.
    """
    # Its answers are held back for as long as a test needs.
    paid = PaidProvider(url, ticketed="painter", seconds=900)
    return make_studio(home, database_url, {"paid": paid}, book(paid=1), width=width)


def _use_the_tests() -> None:
    home, database = Path(os.environ["STUDIO_HOME"]), os.environ["STUDIO_DATABASE_URL"]
    width = int(os.environ["STUDIO_WIDTH"])
    use_studio(opened(home, database, os.environ[URL], width))


async def _register() -> None:
    pool = os.environ["STUDIO_WORK_POOL"]
    await ensure_pool(pool)
    for flow, name in ((batch, NAME), (batch_shard, SHARD.title)):
        deployment = await flow.ato_deployment(name, entrypoint_type=EntrypointType.MODULE_PATH)
        deployment.entrypoint = f"{__spec__.name}.{flow.fn.__name__}"
        await deployment.aapply(work_pool_name=pool)


if __name__ == "__main__":
    asyncio.run(_register())
elif URL in os.environ:
    _use_the_tests()
