"""Runs of a work pool, carried out by ``studio worker``."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment

from deployments.catalogue import Offered
from deployments.pools import ensure_pool
from deployments.serving import register_in_pool
from flows.upkeep import upkeep
from studio.errors import SetupIncomplete

_POOL = "pool-of-the-tests"
_PATIENCE = 240
_OFFERED = (Offered(upkeep, "Upkeep by a worker", "Nothing.", ("upkeep",)),)

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "STUDIO_WORK_POOL": _POOL,
        "STUDIO_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(root),
    }
    start = "import sys; from interfaces.cli.app import launch; sys.exit(launch(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "worker", "--limit", "1", "--name", "w1"],
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_PATIENCE)


async def _ended(run: FlowRun) -> FlowRun:
    """Wait until a run is over."""
    deadline = time.monotonic() + _PATIENCE
    async with get_client() as client:
        while time.monotonic() < deadline:
            run = await client.read_flow_run(run.id)
            if run.state is not None and run.state.is_final():
                break
            await asyncio.sleep(0.5)
    return run


@pytest.mark.timeout(600)  # a loaded machine needs several times the half minute
def test_a_worker_runs_what_its_pool_is_asked_for(worker: subprocess.Popen[bytes]) -> None:
    """It runs a deployment of the catalogue, and stops when it is told to."""

    async def asked() -> FlowRun:
        await register_in_pool(_OFFERED, _POOL)
        await register_in_pool(_OFFERED, _POOL)
        return await _ended(await arun_deployment("upkeep/Upkeep by a worker", timeout=0))

    run = asyncio.run(asked())
    assert run.state is not None
    assert run.state.is_completed(), run.state
    assert run.work_pool_name == _POOL
    worker.send_signal(signal.SIGTERM)
    worker.wait(_PATIENCE)


def test_a_pool_of_another_type_is_refused() -> None:
    async def taken() -> None:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name="boxes", type="docker"))
        await ensure_pool("boxes")

    with pytest.raises(SetupIncomplete) as refused:
        asyncio.run(taken())
    assert "type docker" in str(refused.value)
