"""A batch shared out over two workers on Postgres, one of which is killed: nothing is lost."""

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
from sqlalchemy import select

from batches.tables import batch_shards, batches
from deployments.pools import worker_command
from engine.studio import Studio
from engine.tables import workers
from tests.support.bills import decide_unknown
from tests.support.paid_server import Fault, PaidServer
from tests.support.providers import PRICES
from tests.support.sharded import NAME, URL, opened
from tests.support.studios import FUNDS, OWNER, balance_of, fund

_ROOT = Path(__file__).parents[2]
_POOL = "shards-of-the-tests"
_ROWS = 200
_WIDTH = 4
_PATIENCE = 240

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(900)]


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

    def helpers(self) -> set[int]:
        """Return the processes that have a range and are not the batch's own."""
        query = (
            select(workers.c.process)
            .join(batch_shards, batch_shards.c.worker == workers.c.id)
            .where(batch_shards.c.worker.not_in(select(batches.c.worker)))
        )
        with self.studio.database.read() as connection:
            return set(connection.execute(query).scalars())

    def manifest(self) -> list[dict[str, Any]]:
        with self.studio.database.read() as connection:
            batch = connection.execute(select(batches.c.id)).scalar_one()
        path = self.studio.settings.folder / "batches" / batch / "manifest.json"
        rows: list[dict[str, Any]] = json.loads(path.read_bytes())["rows"]
        return rows


@pytest.fixture
def works(tmp_path: Path, postgres_url: str) -> Iterator[Works]:
    home = tmp_path / "home"
    with PaidServer(slow_seconds=0.5) as paid:
        slow: Fault = "slow"
        paid.poll_faults.extend([slow] * 10 * _ROWS)
        studio = opened(home, postgres_url, paid.url, _WIDTH)
        environment = {
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "STUDIO_HOME": str(home),
            "STUDIO_DATABASE_URL": postgres_url,
            "STUDIO_WORK_POOL": _POOL,
            "STUDIO_WIDTH": str(_WIDTH),
            "STUDIO_SHARDS": "2",
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


def kill_tree(works: Works, worker: subprocess.Popen[bytes], run: int) -> None:
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(_PATIENCE)
    os.kill(run, signal.SIGKILL)


def bought_once(works: Works) -> None:
    times = Counter(each.work for each in works.paid.purchases)
    assert len(times) == _ROWS
    assert set(times.values()) == {1}


def test_a_worker_that_is_killed_takes_no_row_along_and_none_is_bought_twice(
    works: Works,
) -> None:
    works.worker("first")
    run = works.run()
    until(lambda: works.paid.purchases)
    # Only now, so that the batch's own run is the first one's.
    second = works.worker("second")
    helper = until(lambda: [pid for pid in works.helpers() if _child_of(pid, second.pid)])[0]
    before = len(works.paid.purchases)
    until(lambda: len(works.paid.purchases) > before + 2 * _WIDTH)
    kill_tree(works, second, helper)
    state = until(lambda: (found := state_of(run)).is_final() and found)
    unknown = decide_unknown(works.studio, works.paid)
    if unknown:
        state = until_done(works)
    assert state.is_completed(), state.message
    bought_once(works)
    assert [row["status"] for row in works.manifest()] == ["done"] * _ROWS
    balance = balance_of(works.studio)
    assert (balance.captured, balance.held) == (_ROWS * PRICES["painter"], 0)
    assert parts_of(run)
    with works.studio.database.read() as connection:
        assert connection.execute(select(batch_shards.c.number)).all() == []


def until_done(works: Works) -> Any:
    """Run the batch again after somebody said what became of unknown rows."""
    run = works.run()
    return until(lambda: (found := state_of(run)).is_final() and found)


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
