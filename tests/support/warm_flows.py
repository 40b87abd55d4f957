"""Flows that tell of the process they run in; a module of its own, which that process imports."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from prefect import Flow, State, flow, get_run_logger, task
from prefect.client.schemas.objects import FlowRun
from prefect.settings import get_current_settings

from tasks.upkeep import preflight_free


def _tell(notes: str, **more: Any) -> None:
    asker = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode().split("\0")
    told = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "warm": "deployments.warm.parent" in asker,
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "api": get_current_settings().api.url,
        "began": time.time(),
        **more,
    }
    partly = Path(f"{notes}.part")
    partly.write_text(json.dumps(told), encoding="utf-8")
    partly.rename(notes)


def _hook(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    Path(f"{flow_run.parameters['notes']}.hook").write_text(str(state.name), encoding="utf-8")


@task
def sleep(seconds: float) -> None:
    """Be slow."""
    time.sleep(seconds)


@flow(name="warm", on_crashed=[_hook], on_cancellation=[_hook])
async def warm(notes: str, how: str = "", seconds: float = 0) -> None:
    """Tell of this process, and end as asked: well, by an error, or by a signal."""
    await preflight_free()
    _tell(notes)
    get_run_logger().info("a line of the log")
    if seconds:
        sleep.submit(seconds).wait()
    if how == "error":
        raise ValueError("as asked")
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exit":
        os._exit(7)
