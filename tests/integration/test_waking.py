"""A run that waits gives its process back, and Prefect starts it again when its time has come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments.flow_runs import arun_deployment
from prefect.runner import Runner
from prefect.types.entrypoint import EntrypointType

from tests.support.waiting_flow import waits_once

pytestmark = pytest.mark.usefixtures("prefect_server")

_PATIENCE = 240


async def _run(notes: Path) -> tuple[FlowRun, list[State]]:
    runner = Runner(name="waking", limit=1, query_seconds=1, pause_on_shutdown=False)
    deployment = await waits_once.ato_deployment(
        name="Waits once", entrypoint_type=EntrypointType.MODULE_PATH
    )
    await runner.aadd_deployment(deployment)
    serving = asyncio.create_task(runner.start())
    try:
        name = "waits-once/Waits once"
        run = await arun_deployment(name, parameters={"notes": str(notes)}, timeout=0)
        deadline = time.monotonic() + _PATIENCE
        async with get_client() as client:
            while time.monotonic() < deadline:
                run = await client.read_flow_run(run.id)
                if run.state is not None and run.state.is_final():
                    break
                await asyncio.sleep(0.5)
            return run, await client.read_flow_run_states(run.id)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@pytest.mark.timeout(600)  # a loaded machine needs several times the half minute
def test_it_is_the_same_run_planned_for_the_same_moment(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    run, states = asyncio.run(_run(notes))
    assert run.state is not None
    assert run.state.is_completed(), run.state
    assert run.run_count == 2
    assert "AwaitingWindow" in [state.name for state in states]
    assert [state.name for state in states].count("Running") == 2
    first, second = notes.read_text(encoding="utf-8").splitlines()
    # The day that {date} stands for is the one for which the run was planned first.
    assert first == second
