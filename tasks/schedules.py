"""The task that looks after schedules: what was missed, what Prefect's pages lost or changed."""

from __future__ import annotations

import asyncio
from uuid import UUID

from prefect import get_run_logger, task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from engine.schedules import (
    Kept,
    adopt_schedule,
    follow_schedule,
    kept_schedule,
    look_away,
    open_occurrences,
    prune_occurrences,
)
from engine.studio import Studio, open_studio
from studio.clock import now
from tasks.named import BATCH, SCHEDULED
from tasks.occurrences import keep_of, look_back, made_up_key, schedule_key

_LOST = "its parameters were lost when it was changed on Prefect's pages"


@task(name="schedules", persist_result=False)
async def watch_schedules() -> int:
    """Look for occurrences that were missed, and mend schedules that lost their parameters.

    Returns:
        How many runs were made to make up for what was missed. It buys nothing itself.
    """
    studio = await asyncio.to_thread(open_studio)
    await asyncio.to_thread(studio.database.write, prune_occurrences)
    made = 0
    async with get_client() as client:
        for named in SCHEDULED:
            try:
                deployment = (await client.read_deployment_by_name(named.path)).id
            except ObjectNotFound:
                continue
            for each in await client.read_deployment_schedules(deployment):
                kept = await asyncio.to_thread(_follow, studio, each)
                await _look_at(studio, client, deployment, kept, each, tell=named == BATCH)
                made += await _make_up(studio, client, deployment, kept, each)
    return made


def _follow(studio: Studio, each: DeploymentSchedule) -> Kept:
    """Keep what somebody added or changed on Prefect's pages; return the schedule as it is kept."""
    key, new = schedule_key(each), keep_of(each)
    with studio.database.read() as connection:
        kept = kept_schedule(connection, key)
    if kept is None:
        studio.database.write(lambda connection: adopt_schedule(connection, new))
        return new
    if each.parameters and (dict(kept.parameters), kept.zone) != (each.parameters, new.zone):
        studio.database.write(
            lambda connection: follow_schedule(connection, key, new.zone, each.parameters)
        )
    return kept


async def _look_at(
    studio: Studio,
    client: PrefectClient,
    deployment: UUID,
    kept: Kept,
    each: DeploymentSchedule,
    *,
    tell: bool,
) -> None:
    lost = bool(kept.parameters) and not each.parameters
    if not each.active:
        await asyncio.to_thread(
            studio.database.write, lambda connection: look_away(connection, kept.key, now())
        )
    elif lost:
        # A run without parameters fails before it does anything: none of them is on its way.
        await look_back(studio, kept, each, until=now(), reason=_LOST, tell=tell)
    else:
        await look_back(studio, kept, each, tell=tell)
    if lost:
        get_run_logger().warning("schedule %s: %s; they are put back", kept.name, _LOST)
        await client.update_deployment_schedule(
            deployment, each.id, parameters=dict(kept.parameters)
        )


async def _make_up(
    studio: Studio, client: PrefectClient, deployment: UUID, kept: Kept, each: DeploymentSchedule
) -> int:
    """Make runs for the occurrences that are owed; return how many."""
    with studio.database.read() as connection:
        there = open_occurrences(connection, kept.key)
    made = 0
    for owed in [it for it in there if it.state == "owed"]:
        runs = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
            flow_run_filter=FlowRunFilter(
                expected_start_time=FlowRunFilterExpectedStartTime(
                    after_=owed.due, before_=owed.due
                )
            ),
        )
        if any(
            run.created_by is not None
            and run.created_by.id == each.id
            and run.state is not None
            and not run.state.is_final()
            for run in runs
        ):
            # Prefect's own run for that moment is late, and takes it.
            continue
        await client.create_flow_run_from_deployment(
            deployment,
            parameters=dict(kept.parameters),
            state=Scheduled(scheduled_time=owed.due, message="It makes up for what was missed."),
            idempotency_key=made_up_key(kept.key, owed.due),
        )
        made += 1
    return made
