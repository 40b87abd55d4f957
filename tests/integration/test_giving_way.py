"""A run that only helps another one sees who waits for its place."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from prefect import get_client
from prefect.deployments.flow_runs import arun_deployment

import tasks.giving_way
from deployments.catalogue import Offered
from deployments.serving import register_in_pool
from flows.batch_shard import batch_shard
from flows.upkeep import upkeep
from studio.clock import now
from tasks.giving_way import others_wait

pytestmark = pytest.mark.usefixtures("prefect_server")

_POOL = "nobody-works-here"


def test_runs_that_are_due_and_that_nobody_took_up_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks.giving_way, "_PATIENCE", timedelta(0))

    async def seen() -> list[bool]:
        offered = (
            Offered(batch_shard, "Part that waits", "Nothing.", ("batch",)),
            Offered(upkeep, "Upkeep that waits", "Nothing.", ("upkeep",)),
        )
        await register_in_pool(offered, _POOL)
        async with get_client() as client:
            found = await client.read_deployment_by_name("batch-shard/Part that waits")
        mine = str(found.id)
        answers = [await others_wait(_POOL, mine)]
        given = {"batch": "bat_1", "run": "run-1"}
        await arun_deployment("batch-shard/Part that waits", parameters=given, timeout=0)
        later = now() + timedelta(hours=1)
        name = "upkeep/Upkeep that waits"
        await arun_deployment(name, timeout=0, scheduled_time=later)
        # Its own kind does not count, nor what is not due yet.
        answers.append(await others_wait(_POOL, mine))
        await arun_deployment(name, timeout=0)
        answers += [await others_wait(_POOL, mine), await others_wait("another pool", mine)]
        return answers

    assert asyncio.run(seen()) == [False, False, True, False]
