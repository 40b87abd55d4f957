"""Places of workers: a run that only helps another one leaves its own to whoever waits for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType

from studio.clock import now

_PATIENCE: Final = timedelta(seconds=10)
"""Workers look for runs every few seconds: who is due for less is not waiting yet."""
_MOST: Final = 50


async def others_wait(pool: str, deployment: str) -> bool:
    """Whether runs of other deployments are due in a work pool, and no worker has taken them up.

    Args:
        pool: its name.
        deployment: id of the deployment whose own runs do not count.
    """
    due = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=now() - _PATIENCE),
    )
    here = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=due, work_pool_filter=here, limit=_MOST)
    return any(str(run.deployment_id) != deployment for run in runs)
