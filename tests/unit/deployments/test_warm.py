"""What makes a run warm or cold, and a worker whose server is away."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError
from prefect.workers.process import ProcessWorker

from deployments.warm import stub
from deployments.warm.parent import Asked, Parent
from deployments.warm.worker import WarmWorker

_BEFORE = {"PATH": "/bin", "STUDIO_HOME": "/home/ada", "LD": "a"}


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Parent]:
    """A parent whose imports have changed LD and put in NEW."""
    reads, writes = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "parent"))
        yield Parent(listener, reads, _BEFORE, {"LD": "b", "NEW": "1"})
    os.close(reads)
    os.close(writes)


@pytest.mark.parametrize(
    ("changes", "warm"),
    [
        ({}, True),
        ({"PREFECT__FLOW_RUN_ID": "1", "PWD": "/tmp"}, True),  # noqa: S108 - a word
        # A worker that has imported the same by now.
        ({"LD": "b", "NEW": "1"}, True),
        ({"LD": "c"}, False),
        ({"NEW": "2"}, False),
        ({"STUDIO_HOME": "/home/bob"}, False),
        ({"ANOTHER": "1"}, False),
    ],
)
def test_only_the_same_environment_is_warm(
    parent: Parent,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    changes: Mapping[str, str],
    *,
    warm: bool,
) -> None:
    asked = Asked({**_BEFORE, **changes}, str(tmp_path), (0, 1, 2))
    assert parent._fits(asked) is warm
    # Names tell what to look at; what is in them may be secret.
    told = capfd.readouterr().err
    assert bool(told) is not warm
    assert "/home/bob" not in told


def test_a_folder_that_is_gone_is_not_warm(parent: Parent, tmp_path: Path) -> None:
    assert not parent._fits(Asked(_BEFORE, str(tmp_path / "gone"), (0, 1, 2)))


@pytest.mark.parametrize("listens", [False, True])
def test_without_a_parent_the_stub_is_prefects_command(tmp_path: Path, *, listens: bool) -> None:
    """Nobody listens, or who does says nothing of use: the engine says which run it lacks."""
    address = tmp_path / "parent"
    with socket.socket(socket.AF_UNIX) as listener:
        if listens:
            listener.bind(str(address))
            listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", stub.__file__, str(address)],
            env={**os.environ, "PREFECT__FLOW_RUN_ID": "none"},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if listens:
            link, _ = listener.accept()
            link.sendall(b"cold\n")
            # It holds the stub's output as long as it is open.
            link.close()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"Invalid flow run id" in out + err


def _answer(status: int) -> PrefectHTTPStatusError:
    request = httpx.Request("GET", "http://prefect")
    return PrefectHTTPStatusError("", request=request, response=httpx.Response(status))


@pytest.mark.parametrize("fault", [httpx.ConnectError(""), httpx.ReadTimeout(""), _answer(503)])
def test_a_server_that_is_away_ends_no_worker(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def away(_: ProcessWorker) -> list[object]:
        raise fault

    async def looks() -> list[object]:
        return list(await WarmWorker(work_pool_name="p").get_and_submit_flow_runs())

    monkeypatch.setattr(ProcessWorker, "get_and_submit_flow_runs", away)
    assert asyncio.run(looks()) == []


def test_a_worker_that_is_not_let_in_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_: ProcessWorker) -> list[object]:
        raise _answer(401)

    async def looks() -> None:
        await WarmWorker(work_pool_name="p").get_and_submit_flow_runs()

    monkeypatch.setattr(ProcessWorker, "get_and_submit_flow_runs", refused)
    with pytest.raises(PrefectHTTPStatusError):
        asyncio.run(looks())
