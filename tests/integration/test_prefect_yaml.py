"""``prefect deploy`` with the file of this repository, by Prefect's own command."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from billing.pricebook import current
from deployments.catalogue import deployments
from deployments.pools import ensure_pool
from deployments.serving import register_in_pool
from providers.catalogue import all_offers
from studio.clock import now

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
POOL = "pool-of-the-file"
NAMES = ("Batch from CSV", "Social set", "Upkeep")


def deploy() -> None:
    names = [word for name in NAMES for word in ("--name", name)]
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *names]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "STUDIO_WORK_POOL": POOL, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def there() -> dict[str, DeploymentResponse]:
    async with get_client() as client:
        found = await client.read_deployments(limit=200)
    return {each.name: each for each in found if each.name in NAMES}


async def give_a_schedule(deployment: DeploymentResponse) -> None:
    async with get_client() as client:
        await client.create_deployment_schedules(
            deployment.id,
            [DeploymentScheduleCreate(schedule=CronSchedule(cron="0 2 * * *"), slug="nightly")],
        )


def test_the_file_makes_the_deployments_that_the_studio_makes() -> None:
    """And as the studio does, it leaves alone what people have scheduled."""
    offered = [
        each for each in deployments(all_offers(), current(now().date())) if each.name in NAMES
    ]
    asyncio.run(ensure_pool(POOL))
    deploy()
    by_file = asyncio.run(there())
    asyncio.run(register_in_pool(offered, POOL))
    by_studio = asyncio.run(there())
    assert set(by_file) == set(by_studio) == set(NAMES)
    told = {
        *("entrypoint", "parameters", "tags", "description", "parameter_openapi_schema"),
        *("enforce_parameter_schema", "work_pool_name", "concurrency_options", "paused"),
    }
    for name in NAMES:
        assert by_file[name].id == by_studio[name].id
        assert by_file[name].model_dump(include=told) == by_studio[name].model_dump(include=told)
        slugs = [[each.slug for each in by[name].schedules] for by in (by_file, by_studio)]
        assert slugs[0] == slugs[1]
    for name in NAMES:
        asyncio.run(give_a_schedule(by_studio[name]))
    deploy()
    for name, each in asyncio.run(there()).items():
        assert "nightly" in [kept.slug for kept in each.schedules], name
