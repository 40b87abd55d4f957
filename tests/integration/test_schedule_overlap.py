"""Runs that make room on a real server: for the next of their schedule, and for the hours.

The provider holds its answers back until a test has seen what it waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.schedules import CronSchedule
from prefect.runner import Runner
from prefect.states import Scheduled
from prefect.types.entrypoint import EntrypointType
from sqlalchemy import func, select, update

from batches.tables import batch_wishes, batches
from billing.ledger import hold_of
from deployments import schedules
from engine.batch_control import _EVERY
from engine.batch_view import view_batch
from engine.schedule_policy import Policy
from engine.studio import Studio
from engine.tables import jobs
from flows.batch import batch
from studio.clock import now
from tasks.named import BATCH
from tasks.occurrences import made_up_key
from tests.support.paid_server import PaidServer
from tests.support.providers import PRICES
from tests.support.sharded import URL, opened
from tests.support.studios import FUNDS, OWNER, balance_of, fund

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(2_400)]

_PATIENCE = 600
_ROWS = 10
_WIDTH = 2
_PRICE = PRICES["painter"]


@dataclass
class Works:
    """A provider, a studio whose runs are processes of their own, and its file."""

    folder: Path
    paid: PaidServer
    studio: Studio

    @property
    def sheet(self) -> Path:
        """A batch whose rows are other work at each moment."""
        sheet = self.folder / "batch.csv"
        rows = "".join(f"r{n},generate,picture {n} at {{time}},{n}\n" for n in range(_ROWS))
        sheet.write_text(f"row,operation,prompt,seed\n{rows}")
        return sheet

    def states(self, run: FlowRun) -> Counter[str]:
        """Count the jobs of a run by state."""
        query = select(jobs.c.state, func.count().label("jobs")).where(jobs.c.run == str(run.id))
        with self.studio.database.read() as connection:
            found = connection.execute(query.group_by(jobs.c.state))
            return Counter({each.state: each.jobs for each in found})

    def batch(self, run: FlowRun) -> Any:
        """Return the row of the batch that a run did last."""
        with self.studio.database.read() as connection:
            return connection.execute(select(batches).where(batches.c.run == str(run.id))).one()

    def statuses(self, run: FlowRun) -> Counter[str]:
        """Count the rows of the batch that a run does by status."""
        found = self.batch(run).id
        with self.studio.database.read() as connection:
            return view_batch(connection, OWNER, found).counts()

    def hold(self, run: FlowRun) -> Any:
        """Return the last hold of a run's batch."""
        found = self.batch(run).hold
        with self.studio.database.read() as connection:
            return hold_of(connection, OWNER, found)

    def begin(self, run: FlowRun) -> None:
        """Wait until a run has rows that are done, and others that are at the provider."""
        until(lambda: self.states(run)["submitted"] == _WIDTH)
        self.paid.ready = _WIDTH
        until(lambda: self.states(run) == Counter(settled=_WIDTH, submitted=_WIDTH))

    def end_those_under_way(self, run: FlowRun) -> None:
        """Let the rows come to their end that are at the provider now; then, all.

        A process believes what it read for a second. Rows that it began in that second are held
        back as well until it is over, and the next one to begin has it read anew.
        """
        self.paid.ready = len(self.paid.remote_ids())
        until(lambda: self.states(run)["settled"] >= 2 * _WIDTH)
        time.sleep(_EVERY + 0.5)
        self.paid.ready = None


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    home = tmp_path / "home"
    with PaidServer(ready=0, slow_seconds=0.3) as paid:
        told = {"HOME": str(home), "DATABASE_URL": "", "WIDTH": str(_WIDTH), "WORK_POOL": ""}
        for name, value in told.items():
            monkeypatch.setenv(f"STUDIO_{name}", value)
        monkeypatch.setenv(URL, paid.url)
        studio = opened(home, "", paid.url, _WIDTH)
        fund(studio, FUNDS)
        yield Works(tmp_path, paid, studio)
        paid.ready = None
        studio.close()


@contextlib.asynccontextmanager
async def serving(module: str) -> AsyncIterator[UUID]:
    """Serve the deployment of batches, whose runs import a module of the tests."""
    runner = Runner(name="overlaps", limit=2, query_seconds=1, pause_on_shutdown=False)
    deployment = await batch.ato_deployment(
        name=BATCH.title, entrypoint_type=EntrypointType.MODULE_PATH
    )
    deployment.entrypoint = f"{module}.batch"
    identifier = await runner.aadd_deployment(deployment)
    running = asyncio.create_task(runner.start())
    try:
        yield identifier
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    pytest.fail("it did not come to it")


async def reached(client: PrefectClient, run: FlowRun, fits: Callable[[State[Any]], bool]) -> Any:
    """Wait until the state of a run fits; return it."""
    end = time.monotonic() + _PATIENCE
    state: State[Any] | None = None
    while time.monotonic() < end:
        state = (await client.read_flow_run(run.id)).state
        if state is not None and fits(state):
            return state
        await asyncio.sleep(0.3)
    pytest.fail(f"the run stays {state}")


def is_final(state: State[Any]) -> bool:
    return state.is_final()


def bought_once(works: Works, rows: int) -> None:
    times = Counter(each.work for each in works.paid.purchases)
    assert len(times) == rows
    assert set(times.values()) == {1}
    balance = balance_of(works.studio)
    assert (balance.captured, balance.held) == (rows * _PRICE, 0)


def test_the_newer_run_of_a_schedule_takes_the_place_of_one_that_is_under_way(
    works: Works,
) -> None:
    asyncio.run(_overlap(works))


async def _overlap(works: Works) -> None:
    rhythm = CronSchedule(cron="0 0 1 1 *", timezone="UTC")  # by itself it never fires here
    name = f"nightly-{uuid4().hex[:8]}"
    wanted = {"csv": str(works.sheet), "name": "at {date} {time}"}
    async with serving("tests.support.sharded") as deployment, get_client() as client:
        made = await asyncio.to_thread(
            schedules.add_schedule,
            works.studio.database,
            OWNER,
            name,
            rhythm,
            wanted,
            policy=Policy(overlap="cancel"),
        )

        async def fire(due: datetime) -> FlowRun:
            return await client.create_flow_run_from_deployment(
                deployment,
                parameters={**wanted, "owner": OWNER},
                state=Scheduled(scheduled_time=due),
                idempotency_key=made_up_key(made.key, due),
            )

        try:
            this_minute = now().replace(second=0, microsecond=0)
            older = await fire(this_minute - timedelta(minutes=2))
            await asyncio.to_thread(works.begin, older)
            newer = await fire(this_minute - timedelta(minutes=1))
            await reached(client, newer, lambda state: state.name == "AwaitingTurn")
            # It asked before it began to wait; and it bought nothing.
            with works.studio.database.read() as connection:
                wish = connection.execute(select(batch_wishes)).one()
            assert (wish.batch, wish.wish) == (works.batch(older).id, "cancel")
            assert works.states(newer) == Counter()
            await asyncio.to_thread(works.end_those_under_way, older)
            end = await reached(client, older, is_final)
            done = works.statuses(older)["done"]
            # At most a slot's worth each had begun before the wish was read.
            assert 2 * _WIDTH <= done <= 3 * _WIDTH
            assert works.statuses(older) == Counter(done=done, cancelled=_ROWS - done)
            assert f"{_ROWS - done} cancelled" in str(end.message)
            held = works.hold(older)
            assert (held.state, held.captured) == ("closed", done * _PRICE)
            end = await reached(client, newer, is_final)
            assert end.is_completed(), end.message
        finally:
            await asyncio.to_thread(schedules.remove_schedule, works.studio.database, OWNER, name)
    assert works.statuses(newer) == Counter(done=_ROWS)
    bought_once(works, done + _ROWS)


def test_a_window_that_closes_lets_rows_under_way_finish_and_the_rest_waits_for_the_next(
    works: Works,
) -> None:
    asyncio.run(_window(works))


async def _window(works: Works) -> None:
    shutter = works.folder / "closed"
    wanted = {"csv": str(works.sheet), "owner": OWNER, "window": str(shutter)}
    async with serving("tests.support.windowed") as deployment, get_client() as client:
        run = await client.create_flow_run_from_deployment(deployment, parameters=wanted)
        await asyncio.to_thread(works.begin, run)
        first = works.hold(run)
        # The hours are over.
        shutter.touch()
        over = update(batches).values(closes_at=now())
        await asyncio.to_thread(works.studio.database.write, lambda c: c.execute(over))
        await asyncio.to_thread(works.end_those_under_way, run)
        end = await reached(client, run, is_final)
        assert end.is_completed(), end.message
        again = await client.read_flow_run(run.id)
        states = [state.name for state in await client.read_flow_run_states(run.id)]
    # Prefect counts whole seconds, and so may begin a run just before its time: it waits once more.
    waited = states.count("AwaitingWindow")
    assert waited in {1, 2}
    assert again.run_count == waited + 1
    with works.studio.database.read() as connection:
        before = hold_of(connection, OWNER, first.id)
    assert before is not None
    # At most a slot's worth had begun before the hour was looked at.
    assert 2 * _WIDTH <= before.captured // _PRICE <= 3 * _WIDTH
    assert before.state == "closed"
    after = works.hold(run)
    assert (before.captured + after.captured, after.state) == (_ROWS * _PRICE, "closed")
    # The rest was held for anew, and only once the hours had begun again.
    assert after.created_at >= datetime.fromisoformat(shutter.read_text())
    assert works.batch(run).round == 2
    assert works.statuses(run) == Counter(done=_ROWS)
    bought_once(works, _ROWS)
