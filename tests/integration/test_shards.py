"""A batch shared out over two workers on Postgres, of which a process is killed: nothing is lost.

The provider holds its answers back until a test has seen what it waits for, so that no machine is
too fast or too slow for it: rows cannot run out meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from sqlalchemy import func, select

from batches.tables import batch_shards, batches
from deployments.pools import worker_command
from engine.studio import Studio
from engine.tables import jobs, workers
from tests.support.bills import decide_unknown
from tests.support.paid_server import PaidServer
from tests.support.providers import PRICES
from tests.support.sharded import NAME, URL, opened
from tests.support.studios import FUNDS, OWNER, balance_of, fund

_ROOT = Path(__file__).parents[2]
_POOL = "shards-of-the-tests"
_ROWS = 200
_WIDTH = 4
_HELPERS = 2
_PATIENCE = 600

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(2_400)]


@dataclass
class Works:
    """A provider, a studio on Postgres, and workers of a pool."""

    folder: Path
    paid: PaidServer
    studio: Studio
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker, which carries out two runs at once."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                worker_command(_POOL, 2, name),
                env=self.environment,
                cwd=_ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def run(self, **parameters: Any) -> FlowRun:
        """Ask for the batch."""
        sheet = self.folder / "batch.csv"
        lines = "".join(f"r{n},generate,picture {n},{n}\n" for n in range(_ROWS))
        sheet.write_text(f"row,operation,prompt,seed\n{lines}")
        given = {"csv": str(sheet), "owner": OWNER, **parameters}
        return asyncio.run(arun_deployment(f"batch/{NAME}", parameters=given, timeout=0))

    def helpers(self) -> dict[str, int]:
        """Return who has a range and is not the batch's own run, with their processes."""
        query = (
            select(workers.c.id, workers.c.process)
            .join(batch_shards, batch_shards.c.worker == workers.c.id)
            .where(batch_shards.c.worker.not_in(select(batches.c.worker)))
        )
        with self.studio.database.read() as connection:
            return {each.id: each.process for each in connection.execute(query)}

    def helper_of(self, worker: subprocess.Popen[bytes]) -> tuple[str, int]:
        """Wait for a helper that a worker started, until it has rows at the provider."""

        def found() -> list[tuple[str, int]]:
            mine = [each for each in self.helpers().items() if _child_of(each[1], worker.pid)]
            return [each for each in mine if "submitted" in self.states(each[0])]

        helper: tuple[str, int] = until(found)[0]
        return helper

    def own(self) -> tuple[str, int]:
        """Return who runs the batch itself, with its process; nobody at some moments."""
        query = select(workers.c.id, workers.c.process).join(
            batches, batches.c.worker == workers.c.id
        )
        with self.studio.database.read() as connection:
            row = connection.execute(query).first()
        return (row.id, row.process) if row else ("", 0)

    def states(self, worker: str | None = None) -> Counter[str]:
        """Count jobs by state: those of one process, or all."""
        query = select(jobs.c.state, func.count().label("jobs")).group_by(jobs.c.state)
        if worker is not None:
            query = query.where(jobs.c.worker == worker)
        with self.studio.database.read() as connection:
            return Counter({each.state: each.jobs for each in connection.execute(query)})

    def manifest(self) -> list[dict[str, Any]]:
        with self.studio.database.read() as connection:
            batch = connection.execute(select(batches.c.id)).scalar_one()
        path = self.studio.settings.folder / "batches" / batch / "manifest.json"
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())["rows"]
        return rows


@pytest.fixture
def works(tmp_path: Path, postgres_url: str) -> Iterator[Works]:
    home = tmp_path / "home"
    with PaidServer(ready=0, slow_seconds=0.5) as paid:
        studio = opened(home, postgres_url, paid.url, _WIDTH)
        environment = {
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "STUDIO_HOME": str(home),
            "STUDIO_DATABASE_URL": postgres_url,
            "STUDIO_WORK_POOL": _POOL,
            "STUDIO_WIDTH": str(_WIDTH),
            "STUDIO_SHARDS": str(_HELPERS),
            "STUDIO_SHARD_ROWS": "20",
            "STUDIO_CHUNK_ROWS": "10",
            URL: paid.url,
        }
        command = [sys.executable, "-m", "tests.support.sharded"]
        told = {name: value for name, value in environment.items() if name != URL}
        subprocess.run(command, env=told, cwd=_ROOT, check=True)
        made = Works(tmp_path, paid, studio, environment)
        try:
            fund(studio, FUNDS * 10)
            yield made
        finally:
            for process in made.processes:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(_PATIENCE)
            for pid in _left(home):
                os.kill(pid, signal.SIGKILL)
            studio.close()


def _left(home: Path) -> Iterator[int]:
    """Find the processes of runs that are still there: they are not in their worker's group."""
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            ours = f"STUDIO_HOME={home}".encode() in each.read_bytes().split(b"\0")
        except OSError:
            continue
        if ours:
            yield int(each.parent.name)


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    pytest.fail("it did not come to it")


def state_of(run: FlowRun) -> Any:
    async def read() -> Any:
        async with get_client() as client:
            return (await client.read_flow_run(run.id)).state

    return asyncio.run(read())


def parts_of(run: FlowRun) -> list[FlowRun]:
    """Return the runs that Prefect shows below a run."""

    async def read() -> list[FlowRun]:
        parent = FlowRunFilterParentFlowRunId(any_=[run.id])
        async with get_client() as client:
            return await client.read_flow_runs(
                flow_run_filter=FlowRunFilter(parent_flow_run_id=parent)
            )

    return asyncio.run(read())


def all_done(works: Works) -> None:
    """Check that each row is done, was bought once and paid, and that nothing is left behind."""
    times = Counter(each.work for each in works.paid.purchases)
    assert len(times) == _ROWS
    assert set(times.values()) == {1}
    assert [row["status"] for row in works.manifest()] == ["done"] * _ROWS
    balance = balance_of(works.studio)
    assert (balance.captured, balance.held) == (_ROWS * PRICES["painter"], 0)
    with works.studio.database.read() as connection:
        assert connection.execute(select(batch_shards.c.number)).all() == []


def test_a_worker_that_is_killed_takes_no_row_along_and_none_is_bought_twice(
    works: Works,
) -> None:
    works.worker("first")
    run = works.run()
    until(lambda: works.paid.purchases)
    # Only now, so that the batch's own run is the first one's.
    second = works.worker("second")
    helper, process = works.helper_of(second)
    # It dies with rows that are done, and with others that are still at the provider.
    works.paid.ready = len(works.paid.remote_ids())
    until(lambda: {"settled", "submitted"} <= set(works.states(helper)))
    os.killpg(second.pid, signal.SIGKILL)
    second.wait(_PATIENCE)
    os.kill(process, signal.SIGKILL)
    works.paid.ready = None
    state = ending(run)
    if decide_unknown(works.studio, works.paid):
        state = ending(works.run())
    assert state.is_completed(), state.message
    assert len(parts_of(run)) > 1
    all_done(works)


def test_a_batch_whose_own_run_is_killed_goes_on_once_its_helpers_have_ended_their_rows(
    works: Works,
) -> None:
    works.worker("first")
    run = works.run()
    until(lambda: works.paid.purchases)
    second = works.worker("second")
    helper, _ = works.helper_of(second)
    own, process = works.own()
    # All that is bought is at the provider, and known by its id there: nothing can be unknown.
    under_way = until(lambda: _standing_still(works))
    assert works.states(own)["submitted"] == works.states(helper)["submitted"] == _WIDTH
    os.kill(process, signal.SIGKILL)
    assert ending(run).is_crashed()
    again = works.run()
    until(lambda: works.own()[0] not in {own, ""})
    # It waits for the helpers, and does none of the rows meanwhile: not theirs, and no other.
    time.sleep(3)
    assert len(works.paid.purchases) == under_way
    works.paid.ready = None
    state = ending(again)
    assert state.is_completed(), state.message
    helped = parts_of(run)
    assert helped
    for each in helped:
        assert ending(each).is_completed()
    assert works.states(helper) == Counter(settled=_WIDTH)
    all_done(works)


def ending(run: FlowRun) -> Any:
    """Wait for the end of a run, and return the state that it ends in."""
    return until(lambda: (found := state_of(run)).is_final() and found)


def _standing_still(works: Works) -> int:
    """Return how many rows are bought, once all who are to come have a row in every slot."""
    whole = Counter(submitted=(1 + _HELPERS) * _WIDTH)
    there = len(works.helpers()) == _HELPERS and works.states() == whole
    return whole.total() if there else 0


def _child_of(pid: int, ancestor: int) -> bool:
    """Whether a process was started by another one, or by one of its own."""
    while pid > 1:
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        pid = int(words[1])
        if pid == ancestor:
            return True
    return False
