"""The server ends a run that went silent, and starts upkeep for what it left, by itself."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import pytest
from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events import emit_event
from prefect.states import Crashed, Running
from prefect.types.entrypoint import EntrypointType

from deployments.automations import SILENCE, automations, register_automations
from flows.upkeep import upkeep

pytestmark = pytest.mark.usefixtures("prefect_server")

_SHORT = timedelta(seconds=10)
"""The shortest that the server takes: a sign is looked for every five seconds."""
_MOST_SECONDS = 120
_SETTLED_SECONDS = 3
"""In which a run that should not be would have come: the others come within one."""


@flow
async def nothing() -> None:
    """Be a flow whose runs are only ever written down here."""


async def deployed() -> UUID:
    made = await upkeep.ato_deployment(name="Upkeep", entrypoint_type=EntrypointType.MODULE_PATH)
    return UUID(str(await made.aapply()))


async def run_that_goes_silent() -> UUID:
    async with get_client() as client:
        run = await client.create_flow_run(nothing, state=Running())
    emit_event(
        event="prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": f"prefect.flow-run.{run.id}"},
    )
    return run.id


async def until_crashed(run: UUID) -> FlowRun:
    deadline = time.monotonic() + _MOST_SECONDS
    async with get_client() as client:
        while (found := await client.read_flow_run(run)).state_type is not StateType.CRASHED:
            assert time.monotonic() < deadline, found.state
            await wait_a_little()
    return found


async def runs_of(deployment: UUID, number: int) -> list[FlowRun]:
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    deadline = time.monotonic() + _MOST_SECONDS
    async with get_client() as client:
        while len(found := await client.read_flow_runs(flow_run_filter=mine)) < number:
            assert time.monotonic() < deadline, "upkeep was not started"
            await wait_a_little()
    return found


async def wait_a_little() -> None:
    await asyncio.sleep(0.5)


async def forget() -> None:
    """Take the automations away, which would meddle with other tests' runs on this server."""
    async with get_client() as client:
        for each in await client.read_automations():
            await client.delete_automation(each.id)


def test_a_silent_run_is_ended_and_upkeep_follows() -> None:
    async def tried() -> None:
        deployment = await deployed()
        await register_automations(automations(deployment, silence=_SHORT))
        try:
            ended = await until_crashed(await run_that_goes_silent())
            assert ended.state is not None
            assert "gave no sign for 10 seconds" in str(ended.state.message)
            assert "Run it again" in str(ended.state.message)
            # One for each run that went silent: other tests may have left some on this server.
            started = await runs_of(deployment, 1)
            # Upkeep that crashes does not start upkeep: the next one is of a run of another flow.
            async with get_client() as client:
                for each in started:
                    await client.set_flow_run_state(each.id, Crashed(), force=True)
                other = await client.create_flow_run(nothing, state=Running())
                await client.set_flow_run_state(other.id, Crashed(), force=True)
            number = len(started) + 1
            await runs_of(deployment, number)
            await asyncio.sleep(_SETTLED_SECONDS)
            assert len(await runs_of(deployment, number)) == number
        finally:
            await forget()

    asyncio.run(tried())


def test_registering_again_changes_nothing_but_what_is_written_here() -> None:
    async def tried() -> None:
        deployment = await deployed()
        try:
            await register_automations(automations(deployment))
            async with get_client() as client:
                first = {each.name: each for each in await client.read_automations()}
                silent = first["End runs that went silent"]
                await client.pause_automation(silent.id)
            await register_automations(automations(deployment, silence=_SHORT))
            async with get_client() as client:
                again = {each.name: each for each in await client.read_automations()}
            assert {name: each.id for name, each in again.items()} == {
                name: each.id for name, each in first.items()
            }
            assert not again[silent.name].enabled
            assert silent.trigger.within == SILENCE  # type: ignore[union-attr]
            assert again[silent.name].trigger.within == _SHORT  # type: ignore[union-attr]
        finally:
            await forget()

    asyncio.run(tried())
