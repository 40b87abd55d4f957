"""``prefect deploy --all`` with the file of this repository, and a run by Prefect's own worker."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment

from billing.pricebook import current
from deployments.catalogue import deployments
from deployments.pools import ensure_pool
from deployments.server import stop_process
from engine.studio import Studio
from providers.catalogue import all_offers
from studio import credits as money
from studio.clock import now
from studio.settings import Settings
from tests.support.studios import OWNER, fund

pytestmark = [
    pytest.mark.trial,
    pytest.mark.timeout(1_200),
    pytest.mark.usefixtures("prefect_server"),
]

ROOT = Path(__file__).parents[2]
POOL = "all-of-the-file"
PRESET = "compress-picture/Picture for the web"
_PATIENCE = 600.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the command and the worker know: a studio with credits, and the pool."""
    home = tmp_path / "home"
    with closing(Studio(Settings(_env_file=None, home=home, owner=OWNER))) as studio:
        fund(studio, 10 * money.MICRO)
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STUDIO_HOME": str(home),
        "STUDIO_OWNER": OWNER,
        "STUDIO_WORK_POOL": POOL,
    }


def prefect(*words: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *words]


async def ran(picture: Path) -> FlowRun:
    """Ask for a preset's run by the name that the file gives it; return it when it has ended."""
    run = await arun_deployment(
        "compress-picture/Picture for the web",
        parameters={"image": str(picture)},
        timeout=_PATIENCE,
    )
    async with get_client() as client:
        return await client.read_flow_run(run.id)


async def names() -> set[str]:
    async with get_client() as client:
        found = await client.read_deployments(limit=200)
    return {each.name for each in found if each.work_pool_name == POOL}


def test_all_of_the_file_is_deployed_and_prefects_own_worker_runs_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    asyncio.run(ensure_pool(POOL))
    done = subprocess.run(
        prefect("--no-prompt", "deploy", "--all"),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    offered = {each.name for each in deployments(all_offers(), current(now().date()))}
    assert asyncio.run(names()) == offered
    picture = tmp_path / "picture.png"
    Image.effect_noise((96, 64), 40).convert("RGB").save(picture)
    log = tmp_path / "worker.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            prefect("worker", "start", "--pool", POOL, "--type", "process"),
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        run = asyncio.run(ran(picture))
    finally:
        stop_process(worker)
    assert run.state is not None
    assert run.state.is_completed(), f"{run.state}: {log.read_text()}"
    assert "local" in str(run.state.message)
