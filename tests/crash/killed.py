"""What the runs of the kill trial run: the real flow, in a studio that buys of the trial's server.

A worker imports this module in a process of its own for each run; ``python -m tests.crash.killed``
tells the Prefect server of it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from prefect.types.entrypoint import EntrypointType

import flows.heeding
from deployments.pools import ensure_pool
from engine.studio import use_studio
from flows.batch import batch
from tests.crash.trial_studio import open_trial_studio
from tests.crash.trial_words import NAME, POOL, URL

__all__ = ["batch"]


def _use_the_trials() -> None:
    # Prefect ends the process of a cancelled run; what is tried is what comes after that.
    flows.heeding._EVERY = 3_600.0
    use_studio(open_trial_studio(Path(os.environ["STUDIO_HOME"]), os.environ[URL]))


async def _register() -> None:
    await ensure_pool(POOL)
    deployment = await batch.ato_deployment(NAME, entrypoint_type=EntrypointType.MODULE_PATH)
    deployment.entrypoint = f"{__spec__.name}.batch"
    await deployment.aapply(work_pool_name=POOL)


if __name__ == "__main__":
    asyncio.run(_register())
else:
    _use_the_trials()
