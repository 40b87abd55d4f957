"""``studio register``: what ``studio up`` tells a Prefect server, told once and by itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from prefect import get_client
from prefect.client.schemas.responses import DeploymentResponse

_ROOT = Path(__file__).parents[2]
_POOL = "registered-by-a-test"


def test_deployments_are_there_for_the_workers_of_a_pool(
    prefect_server: str, tmp_path: Path
) -> None:
    for _ in range(2):  # again after an upgrade
        done = subprocess.run(
            [
                *(sys.executable, "-c", "import sys, interfaces.cli as c; sys.exit(c.main())"),
                *("register", "--json"),
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(_ROOT),
                "STUDIO_HOME": str(tmp_path / "home"),
                "STUDIO_WORK_POOL": _POOL,
                "PREFECT_API_URL": prefect_server,
            },
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = [each for each in asyncio.run(_deployments()) if each.work_pool_name == _POOL]
    assert told["deployments"] > 20
    assert {"Create image", "Batch from CSV", "Upkeep"} <= {each.name for each in found}


async def _deployments() -> list[DeploymentResponse]:
    async with get_client() as client:
        await client.read_work_pool(_POOL)
        return await client.read_deployments()
