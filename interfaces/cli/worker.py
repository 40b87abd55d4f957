"""``studio worker``: runs of a work pool, carried out on this machine, until Ctrl-C."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from deployments.server import is_healthy, named_server, server_environment
from interfaces.cli.session import Here
from studio.errors import SetupIncomplete, StudioUnavailable

_MOST = 64


def worker(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=_MOST))] = 4,
    name: str = "",
    session: Here,
) -> None:
    """Run what is asked for, beside other machines that do.

    Takes runs from the work pool STUDIO_WORK_POOL of the Prefect server of ``studio up``, or of the
    one that PREFECT_API_URL names. All workers need the same database (STUDIO_DATABASE_URL) and
    the same store of pictures. A worker that is stopped takes its runs along: they are ended after
    a minute and a half, and what they bought is kept.

    Args:
        limit: Runs at once, each a process of about 150 MB.
        name: As Prefect shows the worker; one is made up, if not given.
    """
    config = session.config
    if not config.work_pool:
        raise SetupIncomplete(
            "There is no work pool to take runs from.",
            field="STUDIO_WORK_POOL",
            given="",
            allowed="the name that `studio up` was started with, for example studio",
        )
    profile = named_server(server_environment(config))
    api_url = profile["PREFECT_API_URL"]
    if not is_healthy(api_url):
        raise StudioUnavailable(
            f"No Prefect server answers at {api_url}. Start it with `studio up`, or say in "
            "PREFECT_API_URL where it is."
        )
    # Prefect reads its settings when it is imported: after the profile was put in place.
    from deployments.pools import worker_command  # noqa: PLC0415 - see above

    session.out.note(f"Taking runs from work pool {config.work_pool}; Ctrl-C stops it.")
    command = worker_command(config.work_pool, limit, name)
    # In place of this process, so that whoever stops it stops the worker itself.
    os.execve(command[0], command, {**os.environ, **profile})  # noqa: S606 - no shell is wanted
