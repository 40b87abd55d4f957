"""A schedule on a real server: it fires and buys a batch to its end, and each occurrence once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.logging import disable_run_logger
from prefect.runner import Runner
from prefect.states import Scheduled
from sqlalchemy import func, select

from batches.tables import batches
from deployments import schedules
from deployments.catalogue import Offered
from deployments.serving import register
from engine.schedule_policy import Policy
from engine.schedules import keep_schedule, kept_schedule
from engine.studio import Studio, open_studio, use_studio
from engine.tables import jobs
from flows.batch import batch
from studio.clock import now
from tasks.named import BATCH
from tasks.occurrences import look_back, made_up_key
from tasks.schedules import _make_up, watch_schedules
from tests.support.studios import fund

_OFFERED = Offered(batch, "Batch from CSV", "Every row.", ("batch",))
_PATIENCE = 400
_ROWS = "row,operation,prompt,seed\nhill,generate,a hill on {date} at {time},1\n"
_ZONE = "Pacific/Kiritimati"
"""14 hours before UTC: its day is seldom that of UTC."""


@pytest.fixture
def studio(prefect_server: str) -> Iterator[Studio]:
    assert prefect_server
    found = open_studio()
    yield found
    use_studio(None)
    found.close()


@pytest.fixture
def owner(studio: Studio) -> str:
    name = f"owner-{uuid4().hex[:8]}"
    fund(studio, 100_000_000, name)
    return name


@contextlib.asynccontextmanager
async def _serving() -> AsyncIterator[None]:
    runner = Runner(name="fires", limit=1, query_seconds=1, pause_on_shutdown=False)
    await register(runner, [_OFFERED])
    serving = asyncio.create_task(runner.start())
    try:
        yield
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def _ended(client: PrefectClient, owner: str, but: set[str]) -> FlowRun:
    """Return the next run of an owner that has come to its end."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        there = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[_OFFERED.name])),
            limit=200,
        )
        for run in there:
            mine = run.parameters.get("owner") == owner and str(run.id) not in but
            if mine and run.state is not None and run.state.is_final():
                but.add(str(run.id))
                return run
        await asyncio.sleep(0.5)
    raise AssertionError("no run ended")


def _bought(studio: Studio, owner: str) -> int:
    with studio.database.read() as connection:
        query = select(func.count()).where(jobs.c.owner == owner, jobs.c.state == "settled")
        return int(connection.execute(query).scalar_one())


def _names(studio: Studio, owner: str) -> list[str]:
    with studio.database.read() as connection:
        query = select(batches.c.name).where(batches.c.owner == owner, batches.c.state == "done")
        return list(connection.execute(query.order_by(batches.c.created_at)).scalars())


def _named(due: datetime) -> str:
    return f"night {due.astimezone(ZoneInfo(_ZONE)):%Y-%m-%d %H:%M}"


@pytest.mark.timeout(1_200)  # a loaded machine needs many times the minute
def test_each_occurrence_is_bought_once_and_what_was_missed_is_made_up_for(
    studio: Studio, owner: str, tmp_path: Path
) -> None:
    file = tmp_path / "night.csv"
    file.write_text(_ROWS, encoding="utf-8")
    asyncio.run(_story(studio, owner, file))


async def _story(studio: Studio, owner: str, file: Path) -> None:
    seen: set[str] = set()
    async with _serving(), get_client() as client:
        # Every minute, as Prefect's planning takes its time on a busy machine.
        rhythm = IntervalSchedule(interval=timedelta(minutes=1), timezone=_ZONE)
        wanted = {"csv": str(file), "name": "night {date} {time}"}
        policy = Policy(missed="once", grace=timedelta(days=1))
        made = await asyncio.to_thread(
            schedules.add_schedule, studio.database, owner, "nightly", rhythm, wanted, policy=policy
        )
        first = await _ended(client, owner, seen)
        await asyncio.to_thread(
            schedules.set_active, studio.database, owner, "nightly", active=False
        )
        assert first.state is not None
        assert first.state.is_completed(), first.state
        assert first.auto_scheduled
        due = first.expected_start_time
        assert due is not None
        assert _named(due) in _names(studio, owner)
        bought = await _settled_down(studio, client, owner, seen)

        # A copy of the occurrence, as a second server or somebody's script might make one.
        assert made.key == f"{owner}.nightly"
        assert first.deployment_id is not None
        await client.create_flow_run_from_deployment(
            first.deployment_id,
            parameters=first.parameters,
            state=Scheduled(scheduled_time=due),
            idempotency_key=made_up_key(made.key, due),
        )
        copy = await _ended(client, owner, seen)
        assert copy.state is not None
        assert (copy.state.type.value, copy.state.name) == ("CANCELLED", "Skipped")
        assert str(first.id) in str(copy.state.message)

        # Nobody was there two days before: the newer of two occurrences is made up for.
        daily = found_daily(await client.read_deployment_schedules(first.deployment_id), made.id)
        with studio.database.read() as connection:
            kept = kept_schedule(connection, made.key)
        assert kept is not None
        long_ago = now() - timedelta(days=3, hours=1)
        before = replace(kept, seen_at=long_ago, policy=Policy(grace=timedelta(days=1)))
        await asyncio.to_thread(studio.database.write, lambda c: keep_schedule(c, before))
        earlier = daily.model_copy(update={"updated": long_ago})
        with disable_run_logger():
            owed = await look_back(studio, before, earlier)
            assert len(owed) == 1
            assert now() - timedelta(days=2) < owed[0] <= now() - timedelta(days=1)
            assert await look_back(studio, before, earlier) == ()
            # Prefect makes one run of it, however often it is asked.
            for _ in range(2):
                await _make_up(studio, client, first.deployment_id, before, earlier)
        late = await _ended(client, owner, seen)
        assert late.state is not None
        assert late.state.is_completed(), late.state
        assert _named(owed[0]) in _names(studio, owner)
        assert await _settled_down(studio, client, owner, seen) == bought + 1


async def _settled_down(studio: Studio, client: PrefectClient, owner: str, seen: set[str]) -> int:
    """Wait for the owner's runs that are under way; return how many pictures were bought.

    As many as there were occurrences: each has a row of its own, by the day and hour in it.
    """
    while True:
        there = await client.read_flow_runs(limit=200)
        mine = [run for run in there if run.parameters.get("owner") == owner]
        if all(run.state is not None and run.state.is_final() for run in mine):
            break
        await asyncio.sleep(0.5)
    done = [run for run in mine if run.state is not None and run.state.is_completed()]
    seen.update(str(run.id) for run in mine)
    assert sorted(_names(studio, owner)) == sorted(
        _named(run.expected_start_time) for run in done if run.expected_start_time
    )
    assert _bought(studio, owner) == len(done)
    return len(done)


def found_daily(there: list[DeploymentSchedule], identifier: UUID) -> DeploymentSchedule:
    """Return a schedule as if it fired once a day."""
    (found,) = [each for each in there if each.id == identifier]
    return found.model_copy(update={"schedule": IntervalSchedule(interval=timedelta(days=1))})


def test_what_prefects_pages_lose_is_put_back(studio: Studio, owner: str) -> None:
    """Their switch sends nothing but ``active``, and Prefect then empties the parameters."""
    asyncio.run(register(Runner(name="fires"), [_OFFERED]))
    rhythm = schedules.read_rhythm("0 2 * * *", "", "", "Europe/Berlin")
    wanted = {"csv": "/data/night.csv"}
    made = schedules.add_schedule(studio.database, owner, "nightly", rhythm, wanted)

    async def switch(*active: bool) -> None:
        async with get_client() as client:
            found = await client.read_deployment_by_name(BATCH.path)
            where = f"{client.api_url}deployments/{found.id}/schedules/{made.id}"
            async with httpx.AsyncClient() as browser:
                for each in active:
                    # A server whose database is busy says so, and is asked again.
                    for _ in range(30):
                        answer = await browser.patch(where, json={"active": each})
                        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                            break
                        await asyncio.sleep(1)
                    assert answer.is_success, answer.text

    asyncio.run(switch(False, True))
    assert schedules.find_schedule(owner, "nightly").parameters == {}
    with disable_run_logger():
        asyncio.run(watch_schedules.fn())
    assert schedules.find_schedule(owner, "nightly").parameters == {**wanted, "owner": owner}
    # Nor does pausing one that has lost them keep it so.
    asyncio.run(switch(False))
    schedules.set_active(studio.database, owner, "nightly", active=True)
    assert schedules.find_schedule(owner, "nightly").parameters == {**wanted, "owner": owner}
    schedules.remove_schedule(studio.database, owner, "nightly")
