"""Runs that Prefect takes for under way, and that no process carries out: upkeep ends them.

Prefect's server knows of a dead process by its worker's word or by heartbeats that stop. A worker
that dies with its runs says nothing, and a run that was killed before its first heartbeat, or while
it was to be cancelled, has none that could stop: it would be under way for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import State, get_client, get_run_logger, task
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventResourceFilter,
)
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from studio.clock import now

HEARTBEAT = "prefect.flow-run.heartbeat"
PATIENCE = timedelta(minutes=10)
"""Without a sign after which a run counts as silent: a process may begin late on a busy machine."""

_LISTEN_SECONDS = 90.0
"""Three heartbeats: a server that was away, and has heard of nobody, hears of the living."""
_MOST = 200
"""Runs that one upkeep looks at, those first that were to begin first."""
_UNDER_WAY = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


@task(name="end-silent", persist_result=False)
async def end_silent_runs(flows: Sequence[str]) -> int:
    """End the runs that have given no sign for ten minutes; return how many there were.

    Only those of some flows, by their names: what others run on the same server may give no signs
    at all, for Prefect's own setting is that runs do not.

    One that was to be cancelled is Cancelled, any other Crashed. Should its process live after all,
    it goes on, and the state in which it ends stands.
    """
    async with get_client() as client:
        silent = await _silent(client, flows)
        if not silent:
            return 0
        await listen()
        still = await _silent(client, flows)
        return sum([await _end(client, still[run]) for run in still if run in silent])


async def listen() -> None:
    """Give the living the time to be heard."""
    await asyncio.sleep(_LISTEN_SECONDS)


async def is_heard(client: PrefectClient, run: UUID) -> bool:
    """Whether a run gave a sign within ``PATIENCE``."""
    signs = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
        occurred=EventOccurredFilter(since=now() - PATIENCE),
    )
    return bool((await client.read_events(signs, limit=1)).events)


async def _silent(client: PrefectClient, flows: Sequence[str]) -> dict[UUID, FlowRun]:
    under_way = FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNDER_WAY))
    found = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=list(flows))),
        flow_run_filter=FlowRunFilter(state=under_way),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_MOST,
    )
    long_ago = now() - PATIENCE
    return {
        run.id: run
        for run in found
        if _since(run) < long_ago and not await is_heard(client, run.id)
    }


def _since(run: FlowRun) -> datetime:
    """Return since when a run is in its state."""
    return run.state.timestamp if run.state else now()


async def _end(client: PrefectClient, run: FlowRun) -> bool:
    """End a run; ``False`` if it moved on meanwhile."""
    minutes = f"{PATIENCE.total_seconds() / 60:.0f} minutes"
    gone = f"Its process gave no sign for {minutes}: killed, or its machine is gone."
    state: State[Any] = Crashed(
        message=f"{gone} What it bought is kept. Run it again to do only what is missing."
    )
    if run.state_type is StateType.CANCELLING:
        state = Cancelled(message=f"{gone} What it bought is kept.")
    try:
        told = await client.set_flow_run_state(run.id, state)
    except ObjectNotFound:  # somebody removed it this very moment
        return False
    if told.status is not SetStateStatus.ACCEPT:
        return False
    get_run_logger().warning("run %s (%s): %s", run.name, run.id, gone)
    return True
