"""Runs asked for at the same moment: Prefect's server on SQLite is busy, the API rides it out."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.types.entrypoint import EntrypointType

from deployments.pools import ensure_pool
from flows.operations import OPERATION_FLOWS
from interfaces.api import application
from interfaces.api.prefect_runs import deployment_of
from tests.support.runs import EngineRuns
from tests.support.studios import opened_studio
from tests.unit.api.conftest import Door

_AT_ONCE = 8
_POOL = "nobody works here"


async def _register() -> None:
    await ensure_pool(_POOL)
    name = deployment_of("generate").partition("/")[2]
    deployment = await OPERATION_FLOWS["generate"].ato_deployment(
        name, entrypoint_type=EntrypointType.MODULE_PATH
    )
    await deployment.aapply(work_pool_name=_POOL)


@pytest.mark.timeout(300)
def test_runs_asked_for_at_once_are_all_taken_and_none_twice(
    prefect_server: str, tmp_path: Path
) -> None:
    asyncio.run(_register())
    with opened_studio(tmp_path / "home") as studio:
        door = Door(studio, application(studio), EngineRuns(studio))
        key = door.key()
        together = threading.Barrier(_AT_ONCE)

        def ask(number: int) -> httpx.Response:
            together.wait(30)
            return door.post(
                "/operations/generate",
                key=key,
                json={"prompt": "a fox", "seed": number},
                headers={"Idempotency-Key": f"fox-{number}", "Prefer": "respond-async"},
            )

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            told = list(threads.map(ask, range(_AT_ONCE)))
            assert [each.status_code for each in told] == [202] * _AT_ONCE, told[0].text
            runs = [each.json()["run"]["id"] for each in told]
            assert len(set(runs)) == _AT_ONCE
            again = [each.json()["run"]["id"] for each in threads.map(ask, range(_AT_ONCE))]
        assert again == runs, "the same keys are the same runs"
    assert _made(prefect_server) == sorted(runs)


def _made(server: str) -> list[str]:
    body: dict[str, Any] = {"work_pools": {"name": {"any_": [_POOL]}}, "limit": 100}
    found = httpx.post(f"{server}/flow_runs/filter", json=body, timeout=60).raise_for_status()
    return sorted(each["id"] for each in found.json())
