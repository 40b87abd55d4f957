"""Prefect's server behind a password: by one setting, for everybody, and told nowhere."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.server import server_environment, start_server, stop_process
from studio.errors import SetupIncomplete
from studio.settings import Settings
from tests.conftest import free_port

MARK = "pAsSwOrD-oF-tHe-TeSt"
ROOT = Path(__file__).parents[2]
_PATIENCE = 300
_ASK = """
import asyncio
from prefect.deployments.flow_runs import arun_deployment
from deployments.catalogue import Offered
from deployments.serving import register_in_pool
from flows.upkeep import upkeep

async def main():
    await register_in_pool((Offered(upkeep, "Guarded", "Nothing.", ("upkeep",)),), "guarded")
    print((await arun_deployment("upkeep/Guarded", timeout=0)).id)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a studio whose Prefect server is behind a password, and runs."""
    found = Settings(
        _env_file=None,
        home=tmp_path_factory.mktemp("guarded") / "home",
        prefect_port=free_port(),
        prefect_auth=f"ada:{MARK}",
    )
    server = start_server(found)
    try:
        yield found
    finally:
        stop_process(server)


def ask(config: Settings, path: str, auth: str = "", **body: Any) -> httpx.Response:
    """Ask Prefect's API."""
    headers = {}
    if auth:
        headers["Authorization"] = f"Basic {base64.b64encode(auth.encode()).decode()}"
    address = f"http://127.0.0.1:{config.prefect_port}/api{path}"
    if path == "/health":
        return httpx.get(address, headers=headers, timeout=60)
    return httpx.post(address, headers=headers, json=body, timeout=60)


@pytest.mark.timeout(900)  # a server and two processes on a loaded machine
def test_the_server_asks_everybody_and_a_worker_of_the_studios_runs_what_it_should(
    config: Settings,
) -> None:
    right = f"ada:{MARK}"
    for wrong in ("", "ada:wrong", f"eve:{MARK}", MARK):
        assert ask(config, "/flow_runs/filter", wrong).status_code == 401, wrong
    assert ask(config, "/flow_runs/filter", right).status_code == 200
    assert ask(config, "/health").status_code == 200, "who watches over it needs no password"
    environment = {
        **os.environ,
        **server_environment(config),
        "STUDIO_HOME": str(config.folder),
        "STUDIO_PREFECT_PORT": str(config.prefect_port),
        "STUDIO_PREFECT_AUTH": right,
        "STUDIO_WORK_POOL": "guarded",
        "PYTHONPATH": str(ROOT),
    }
    asked = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr[-2_000:]
    run = asked.stdout.split()[-1]
    start = "import sys; from interfaces.cli.app import launch; sys.exit(launch(sys.argv[1:]))"
    log = config.folder / "worker.log"
    with log.open("wb") as file:
        worker = subprocess.Popen(
            [sys.executable, "-c", start, "worker", "--limit", "1", "--name", "w1"],
            env=environment,
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        state = _end_of(config, run, right)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert state == "COMPLETED", log.read_text()[-2_000:]
    _check_that_nobody_tells(config, asked.stdout + asked.stderr)


def _end_of(config: Settings, run: str, auth: str) -> str:
    deadline = time.monotonic() + _PATIENCE
    state = ""
    while time.monotonic() < deadline and state not in {"COMPLETED", "FAILED", "CRASHED"}:
        found = ask(config, "/flow_runs/filter", auth, flow_runs={"id": {"any_": [run]}}).json()
        state = found[0]["state_type"]
        time.sleep(0.5)
    return state


def _check_that_nobody_tells(config: Settings, printed: str) -> None:
    """Look for the password in all that was printed and kept: logs, Prefect's own database."""
    encoded = base64.b64encode(f"ada:{MARK}".encode()).decode()
    assert MARK not in printed
    files = [each for each in config.folder.rglob("*") if each.is_file()]
    assert any(each.name == "prefect.db" for each in files)
    for each in files:
        data = each.read_bytes()
        assert MARK.encode() not in data, each
        assert encoded.encode() not in data, each


@pytest.mark.parametrize("auth", ["ada", "ada:", ":secret", ":"])
def test_what_is_no_user_and_password_is_refused_and_not_told(auth: str, tmp_path: Path) -> None:
    config = Settings(_env_file=None, home=tmp_path, prefect_auth=auth)
    with pytest.raises(SetupIncomplete) as refused:
        server_environment(config)
    assert "secret" not in str(refused.value)
    assert "AUTH_STRING" not in str(server_environment(Settings(_env_file=None, home=tmp_path)))
