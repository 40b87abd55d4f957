"""Schedules on a real Prefect server: kept over restarts, changed, and runs planned from them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.runner import Runner

from deployments import schedules
from deployments.catalogue import Offered
from deployments.serving import register
from flows.batch import batch
from flows.upkeep import upkeep
from studio.clock import now
from studio.database import Database
from studio.database.migrate import migrate
from studio.errors import Conflict, NotFound
from tasks.named import BATCH

_OFFERED = Offered(batch, "Batch from CSV", "Every row.", ("batch",))
_SECONDS = 120


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'studio.db'}")
    migrate(found)
    yield found
    found.close()


@pytest.fixture
def owner(prefect_server: str, database: Database) -> Iterator[str]:
    assert os.environ["PREFECT_API_URL"] == prefect_server
    _register()
    name = f"owner-{uuid4().hex[:8]}"
    yield name
    for each in schedules.schedules_of(name):
        schedules.remove_schedule(database, name, each.name)


def _register() -> None:
    """Do what each start of ``studio up`` does."""
    asyncio.run(register(Runner(name="tests"), [_OFFERED]))


def _add(database: Database, owner: str, name: str = "nightly") -> schedules.Scheduled:
    rhythm = schedules.read_rhythm("0 2 * * *", "", "", "Europe/Berlin")
    return schedules.add_schedule(database, owner, name, rhythm, {"csv": "/data/night.csv"})


def test_a_schedule_survives_restarts_as_does_one_from_prefects_pages(
    owner: str, database: Database
) -> None:
    added = _add(database, owner)
    assert len(added.upcoming) == 3
    schedules.set_active(database, owner, "nightly", active=False)
    theirs = DeploymentScheduleCreate(
        schedule=IntervalSchedule(interval=timedelta(days=1)),
        parameters={"csv": "x.csv", "owner": owner},
    )
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(BATCH.path)
        client.create_deployment_schedules(found.id, [theirs])
    before = _facts(owner)
    _register()
    _register()
    assert _facts(owner) == before
    assert before[str(added.id)][:2] == (False, "cron 0 2 * * *")
    assert sorted(csv for _, _, csv in before.values()) == ["/data/night.csv", "x.csv"]


def _facts(owner: str) -> dict[str, tuple[bool, str, str]]:
    found = schedules.schedules_of(owner)
    return {str(each.id): (each.active, each.when, each.parameters["csv"]) for each in found}


def test_schedules_that_people_add_to_upkeep_are_kept_and_its_own_stays_one(
    prefect_server: str,
) -> None:
    """Also where it was registered before its own had a slug."""
    assert prefect_server
    every = timedelta(minutes=10)
    offered = Offered(upkeep, "Upkeep of the tests", "Nothing.", ("upkeep",), every)

    async def before() -> None:
        await Runner(name="tests").aadd_deployment(
            await upkeep.ato_deployment(name=offered.name, interval=every)
        )

    asyncio.run(before())
    theirs = DeploymentScheduleCreate(schedule=IntervalSchedule(interval=timedelta(days=1)))
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(f"upkeep/{offered.name}")
        [added] = client.create_deployment_schedules(found.id, [theirs])
        for _ in range(2):
            asyncio.run(register(Runner(name="tests"), [offered]))
            there = client.read_deployment_schedules(found.id)
            assert {each.slug for each in there} == {schedules.OWN, str(added.id)}
            assert len(there) == 2
        client.delete_deployment(found.id)


def test_a_name_is_one_owners_and_given_once(owner: str, database: Database) -> None:
    _add(database, owner)
    with pytest.raises(Conflict):
        _add(database, owner)
    with pytest.raises(NotFound):
        schedules.find_schedule("another", "nightly")
    schedules.remove_schedule(database, owner, "nightly")
    assert schedules.schedules_of(owner) == []


def test_the_server_plans_runs_with_the_schedules_own_parameters(
    owner: str, database: Database, tmp_path: Path
) -> None:
    file = str(tmp_path / "night.csv")
    rhythm = IntervalSchedule(interval=timedelta(days=1), anchor_date=now() + timedelta(seconds=2))
    schedules.add_schedule(database, owner, "soon", rhythm, {"csv": file})
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + _SECONDS
        mine: list[FlowRun] = []
        while not mine and time.monotonic() < deadline:
            runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(), limit=200)
            mine = [each for each in runs if each.parameters.get("csv") == file]
            time.sleep(0.5)
    assert mine
    assert {each.parameters["owner"] for each in mine} == {owner}
    assert all(each.auto_scheduled for each in mine)
