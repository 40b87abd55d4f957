"""What worker and API of the API's kill trial run: a studio that buys of the trial's server.

A worker imports this module in a process of its own for each run. ``python -m
tests.crash.api_served register`` tells the Prefect server of its flows under the names that the API
asks for; ``… api PORT`` is the API.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.types.entrypoint import EntrypointType

from deployments.pools import ensure_pool
from engine.studio import Studio, use_studio
from flows.batch import batch
from flows.operations import OPERATION_FLOWS
from interfaces.api.prefect_runs import deployment_of
from tests.crash.trial_studio import open_trial_studio
from tests.crash.trial_words import POOL, URL

generate = OPERATION_FLOWS["generate"]

__all__ = ["batch", "generate"]


def trials_studio(**settings: Any) -> Studio:
    """Return the trial's studio."""
    return open_trial_studio(Path(os.environ["STUDIO_HOME"]), os.environ[URL], **settings)


async def _register() -> None:
    await ensure_pool(POOL)
    known: dict[str, Flow[..., Any]] = {"batch": batch, "generate": generate}
    for name, flow in known.items():
        deployment = await flow.ato_deployment(
            deployment_of(name).partition("/")[2], entrypoint_type=EntrypointType.MODULE_PATH
        )
        deployment.entrypoint = f"{__spec__.name}.{name}"
        await deployment.aapply(work_pool_name=POOL)


def _serve(port: int) -> None:
    from interfaces.api import application
    from interfaces.api.prefect_runs import warm_up
    from interfaces.api.server import served

    warm_up()
    with_links = {"api_port": port, "api_requests_per_minute": 100_000}
    served(application(trials_studio(**with_links)), "127.0.0.1", port).run()


if __name__ != "__main__":
    use_studio(trials_studio())
elif sys.argv[1] == "register":
    asyncio.run(_register())
else:
    _serve(int(sys.argv[2]))
