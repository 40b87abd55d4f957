"""The way of several machines: deployments in a work pool, and workers that carry out its runs.

What a deployment is called, takes and costs comes from the catalogue, as it does without a pool. A
``prefect.yaml`` would say all of it a second time, so that one is written from the catalogue, too
(``deployments.prefect_yaml``).
"""

from __future__ import annotations

import contextlib
import sys

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from studio.errors import SetupIncomplete

_TYPE = "process"


async def ensure_pool(name: str) -> None:
    """Make a work pool for processes, if there is none of this name.

    Raises:
        SetupIncomplete: there is one of another type, whose workers cannot run a module that is
            installed on their machine.
    """
    async with get_client() as client:
        try:
            pool = await client.read_work_pool(name)
        except ObjectNotFound:
            wanted = WorkPoolCreate(name=name, type=_TYPE, description="Runs of Image Studio.")
            # Somebody else may have made it in between; then it is read again.
            with contextlib.suppress(ObjectAlreadyExists):
                await client.create_work_pool(wanted)
            pool = await client.read_work_pool(name)
    if pool.type != _TYPE:
        raise SetupIncomplete(
            f"Work pool {name} is of type {pool.type}.",
            field="STUDIO_WORK_POOL",
            given=name,
            allowed=f"the name of a work pool of type {_TYPE}, or a name that is not taken",
        )


def worker_command(pool: str, limit: int, name: str = "") -> list[str]:
    """Return the command that takes runs from a work pool until SIGINT or SIGTERM.

    Args:
        limit: runs at once, each a process.
        name: of the worker, as Prefect shows it; Prefect makes one up, if empty.
    """
    command = [sys.executable, "-m", "deployments.warm", pool, str(limit)]
    return [*command, name] if name else command
