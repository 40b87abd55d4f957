"""``studio register``: Prefect is told of the deployments, and the command ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from deployments.server import is_healthy, named_server, server_environment
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import show_facts
from interfaces.cli.session import Here
from studio.errors import SetupIncomplete, StudioUnavailable


def register(*, session: Here) -> int:
    """Tell a Prefect server of deployments and automations.

    For studios without `studio up`: runs are done by the workers of the work pool STUDIO_WORK_POOL,
    which is made if it is missing. The Prefect server is that of PREFECT_API_URL, or of this
    machine. Safe to repeat, and to be done after each upgrade; schedules that people added stay.
    """
    config = session.config
    if not config.work_pool:
        raise SetupIncomplete(
            "There is no work pool whose workers would do the runs.",
            field="STUDIO_WORK_POOL",
            given="",
            allowed="a name for one, for example studio; the workers are told the same",
        )
    profile = named_server(server_environment(config))
    if not is_healthy(profile["PREFECT_API_URL"]):
        raise StudioUnavailable(
            f"No Prefect server answers at {profile['PREFECT_API_URL']}. Say in PREFECT_API_URL "
            "where it is."
        )
    # Prefect reads its settings when it is imported: they have to be there before.
    os.environ.update(profile)
    from deployments.catalogue import deployments  # noqa: PLC0415 - as above
    from deployments.serving import register_in_pool  # noqa: PLC0415 - as above

    with opened_studio() as studio:
        offers = [offer for each in studio.providers.values() for offer in each.offers()]
        wanted = deployments(offers, studio.book)
        asyncio.run(register_in_pool(wanted, config.work_pool))
    told = {"work_pool": config.work_pool, "deployments": len(wanted)}
    session.out.result(told, lambda to: show_facts(to, _facts(told)))
    return Exit.DONE


def _facts(told: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), str(value)) for name, value in told.items()]
