"""Runs in warm processes are Prefect's runs: how they begin, end, and are ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling
from prefect.types.entrypoint import EntrypointType

from deployments.pools import ensure_pool, worker_command
from deployments.warm.worker import parent_environment
from tests.support.warm_flows import warm

_POOL = "warm-pool"
_PATIENCE = 240
_ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="runs are warm on Linux alone"),
]


@pytest.fixture(scope="module")
def worker(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A worker with its parent; yields the worker's process id."""
    folder = tmp_path_factory.mktemp("worker")
    asyncio.run(_register())
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_server,
        "PREFECT_WORKER_QUERY_SECONDS": "600",
        "PYTHONPATH": str(_ROOT),
        "OF_THE_WORKER": "yes",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            worker_command(_POOL, 4, "w"),
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _until(lambda: _parents(process.pid), "there is no parent")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        print((folder / "log").read_text(errors="replace")[-6_000:])


async def _register() -> None:
    await ensure_pool(_POOL)
    for name, variables in (("Warm", {}), ("Other", {"env": {"ONLY_HERE": "1"}})):
        deployment = await warm.ato_deployment(
            name, entrypoint_type=EntrypointType.MODULE_PATH, job_variables=variables
        )
        deployment.entrypoint = "tests.support.warm_flows.warm"
        await deployment.aapply(work_pool_name=_POOL)


def _until(look: Callable[[], Any], otherwise: str) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)
    return found


def _children(pid: int) -> list[int]:
    # A child belongs to the thread that started it.
    found: list[int] = []
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in each.read_text().split()]
    return found


def _parents(worker: int) -> list[int]:
    """Processes of the worker that listen for stubs."""
    return [
        pid
        for pid in _children(worker)
        if b"deployments.warm.parent" in Path(f"/proc/{pid}/cmdline").read_bytes() and _listens(pid)
    ]


def _listens(pid: int) -> bool:
    # It has imported everything once it has what it waits with.
    with contextlib.suppress(FileNotFoundError):  # it opens and closes files meanwhile
        files = Path(f"/proc/{pid}/fd").iterdir()
        return any("eventpoll" in str(each.readlink()) for each in files)
    return False


def _start(notes: Path, deployment: str = "Warm", **parameters: Any) -> FlowRun:
    async def asked() -> FlowRun:
        async with get_client() as client:
            found = await client.read_deployment_by_name(f"warm/{deployment}")
            return await client.create_flow_run_from_deployment(
                found.id, parameters={"notes": str(notes), **parameters}
            )

    return asyncio.run(asked())


def _state(run: UUID) -> FlowRun:
    async def asked() -> FlowRun:
        async with get_client() as client:
            return await client.read_flow_run(run)

    return asyncio.run(asked())


def _ended(run: FlowRun) -> FlowRun:
    def look() -> FlowRun | None:
        found = _state(run.id)
        return found if found.state is not None and found.state.is_final() else None

    found: FlowRun = _until(look, f"{run.id} did not end")
    return found


def _told(notes: Path) -> Mapping[str, Any]:
    _until(notes.exists, "the run did not begin")
    told: Mapping[str, Any] = json.loads(notes.read_text())
    return told


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def _resident(pid: int) -> int:
    """Megabytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def test_a_run_is_warm_and_as_in_a_process_of_its_own(worker: int, tmp_path: Path) -> None:
    asked = time.time()
    run = _start(tmp_path / "a")
    ended = _ended(run)
    assert ended.state is not None
    assert ended.state.is_completed(), ended.state
    told = _told(tmp_path / "a")
    # The worker was told of it: by itself it looks once in ten minutes.
    assert told["began"] - asked < 120
    assert told["warm"]
    assert told["parent"] == _parents(worker)[0]
    environment = told["environment"]
    assert environment["OF_THE_WORKER"] == "yes"
    assert environment["PREFECT__FLOW_RUN_ID"] == str(run.id)
    assert told["api"] == parent_environment()["PREFECT_API_URL"]
    # Prefect's process worker gives each run a folder of its own.
    assert told["folder"] not in {str(_ROOT), os.getcwd()}  # noqa: PTH109 - compared as text
    _until(lambda: _gone(told["pid"]), "its process stays")
    assert ended.work_pool_name == _POOL
    _until(lambda: "a line of the log" in _log(run.id), "its log did not arrive")


def _log(run: UUID) -> str:
    async def asked() -> str:
        async with get_client() as client:
            wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
            return "\n".join(each.message for each in await client.read_logs(wanted))

    return asyncio.run(asked())


def test_two_at_once_are_two_processes(worker: int, tmp_path: Path) -> None:
    runs = [_start(tmp_path / name, seconds=30) for name in "ab"]
    for run in runs:
        state = _ended(run).state
        assert state is not None
        assert state.is_completed(), state
    first, second = (_told(tmp_path / name) for name in "ab")
    assert first["pid"] != second["pid"]
    assert first["warm"]
    assert second["warm"]
    assert abs(first["began"] - second["began"]) < 30


def test_an_error_does_not_hurt_the_next(worker: int, tmp_path: Path) -> None:
    failed = _ended(_start(tmp_path / "a", how="error")).state
    assert failed is not None
    assert failed.is_failed(), failed
    assert "as asked" in str(failed.message)
    done = _ended(_start(tmp_path / "b")).state
    assert done is not None
    assert done.is_completed(), done
    assert _told(tmp_path / "a")["parent"] == _told(tmp_path / "b")["parent"]


@pytest.mark.parametrize("how", ["kill", "exit"])
def test_a_process_that_dies_is_a_crash(worker: int, tmp_path: Path, how: str) -> None:
    ended = _ended(_start(tmp_path / "a", how=how)).state
    assert ended is not None
    assert ended.is_crashed(), ended
    assert {"kill": "-9", "exit": "7"}[how] in str(ended.message)
    assert _told(tmp_path / "a")["warm"]
    _until((tmp_path / "a.hook").exists, "its hook did not run")


def test_cancelled_on_prefects_pages(worker: int, tmp_path: Path) -> None:
    run = _start(tmp_path / "a", seconds=300)
    told = _told(tmp_path / "a")

    async def cancel() -> None:
        async with get_client() as client:
            await client.set_flow_run_state(run.id, Cancelling())

    asyncio.run(cancel())
    ended = _ended(run).state
    assert ended is not None
    assert ended.is_cancelled(), ended
    _until(lambda: _gone(told["pid"]), "the process goes on")
    _until((tmp_path / "a.hook").exists, "its hook did not run")


def test_a_stub_that_is_killed_takes_its_child_along(worker: int, tmp_path: Path) -> None:
    run = _start(tmp_path / "a", seconds=300)
    told = _told(tmp_path / "a")
    stub = _until(lambda: _state(run.id).infrastructure_pid, "it has no process")
    assert int(stub) != told["pid"]
    os.kill(int(stub), signal.SIGKILL)
    ended = _ended(run).state
    assert ended is not None
    assert ended.is_crashed(), ended
    _until(lambda: _gone(told["pid"]), "the child goes on")


def test_another_environment_is_run_cold(worker: int, tmp_path: Path) -> None:
    ended = _ended(_start(tmp_path / "a", "Other")).state
    assert ended is not None
    assert ended.is_completed(), ended
    told = _told(tmp_path / "a")
    assert not told["warm"]
    assert told["environment"]["ONLY_HERE"] == "1"


def test_memory_stays_what_it_was(worker: int, tmp_path: Path) -> None:
    (parent,) = _parents(worker)
    before = _resident(parent)
    for number in range(2):
        _ended(_start(tmp_path / str(number)))
    assert _resident(parent) <= before + 5
    _until(lambda: not _children(parent), "children stay")


def test_a_parent_that_is_killed_crashes_its_runs_and_is_followed_by_another(
    worker: int, tmp_path: Path
) -> None:
    run = _start(tmp_path / "a", seconds=300)
    told = _told(tmp_path / "a")
    os.kill(told["parent"], signal.SIGKILL)
    ended = _ended(run).state
    assert ended is not None
    assert ended.is_crashed(), ended
    _until(lambda: _gone(told["pid"]), "the child goes on")
    # There is none now, or not yet: a run starts as ever.
    state = _ended(_start(tmp_path / "b")).state
    assert state is not None
    assert state.is_completed(), state
    _until(lambda: _parents(worker), "there is no other parent")
    _ended(_start(tmp_path / "c"))
    assert _told(tmp_path / "c")["warm"]
