"""A worker that is told of runs, and starts them warm.

It is Prefect's process worker: its loops, its limit, its cancellation, its crash reports. Two
things are added by its public names. It listens to the server's events, so that it looks for runs
when there is one, besides now and then; and a run for which nobody named a command is started by
``stub``, for which ``parent`` forks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from abc import ABC
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_logger
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from deployments.warm import stub
from deployments.warm.parent import READY

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

_PATIENCE_SECONDS = 120
"""For a parent to import everything: five seconds on two idle cores."""
_AGAIN_SECONDS = 5
_EVENTS = ("prefect.flow-run.Scheduled", "prefect.flow-run.AwaitingRetry")
"""What tells of a run that may begin at once; others come when it is their time."""

_log = get_logger("studio.warm")


class WarmJob(ProcessJobConfiguration):
    """A run's process, started by the stub unless the deployment or its pool says how."""

    def prepare_for_flow_run(self, *args: Any, **keywords: Any) -> None:
        """Fill in the command."""
        address = WarmWorker.parent_address
        if self.command is None and address:
            self.command = shlex.join([sys.executable, "-I", "-S", stub.__file__, address])
        super().prepare_for_flow_run(*args, **keywords)


class WarmWorker(ProcessWorker, ABC):
    """Prefect's process worker, told of runs by events, which start in warm processes.

    ``ABC`` keeps it out of Prefect's register of types, where "process" means Prefect's own.

    Attributes:
        parent_address: socket of the parent of this process's runs; empty while there is none.
    """

    job_configuration = WarmJob
    parent_address = ""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._looking = asyncio.Lock()
        self.news = asyncio.Event()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take what is due; one look at a time, since two might find the same run.

        A server that is away is looked for again: Prefect's loop would give up after a minute and
        a half, and take all runs along that are under way.
        """
        try:
            async with self._looking:
                return await super().get_and_submit_flow_runs()
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            told = error.response.status_code if isinstance(error, PrefectHTTPStatusError) else 0
            if told and told < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            _log.debug("The server did not say which runs are due: %s", error)
            return []

    async def run(self, *args: Any, **keywords: Any) -> Any:
        """Carry out a run; when it ends, the next may have waited for its place."""
        try:
            return await super().run(*args, **keywords)
        finally:
            self.news.set()


async def work(pool: str, limit: int, name: str = "") -> None:
    """Carry out runs of a work pool until this is cancelled.

    Args:
        pool: its name; it is made, if there is none.
        limit: runs at once.
        name: as Prefect shows the worker; one is made up, if empty.
    """
    worker = WarmWorker(work_pool_name=pool, limit=limit, name=name or None)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_keep_parent())
        tasks.create_task(_listen(worker))
        tasks.create_task(_look_at_news(worker))
        await worker.start(printer=_log.info)


async def work_until_told(pool: str, limit: int, name: str = "") -> None:
    """Carry out runs of a work pool until SIGINT or SIGTERM."""
    working = asyncio.create_task(work(pool, limit, name))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await working


async def _listen(worker: WarmWorker) -> None:
    """Note it when the server tells of a run; without events, looking now and then goes on."""
    wanted = EventFilter(event=EventNameFilter(name=list(_EVENTS)))
    while True:
        with contextlib.suppress(Exception):
            async with get_events_subscriber(filter=wanted) as events:
                async for _ in events:
                    worker.news.set()
        await asyncio.sleep(_AGAIN_SECONDS)


async def _look_at_news(worker: WarmWorker) -> None:
    while True:
        await worker.news.wait()
        worker.news.clear()
        # A server that is away is the business of the worker's own loop, which backs off.
        with contextlib.suppress(Exception):
            await worker.get_and_submit_flow_runs()


async def _keep_parent() -> None:
    """Have a parent as long as this lasts; one that ends is followed by another."""
    if sys.platform != "linux":
        # Elsewhere forking is not safe, or the kernel ends no orphans: runs start as ever.
        return
    while True:
        try:
            async with _parent() as process:
                await asyncio.to_thread(process.wait)
            _log.warning("The parent of warm runs ended; runs start cold until there is another")
        except OSError as error:
            _log.warning("There is no parent of warm runs, runs start cold: %s", error)
        await asyncio.sleep(_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def _parent() -> AsyncIterator[subprocess.Popen[bytes]]:
    """Start a parent; runs are warm from when it is ready to when this is left."""
    # Only this user gets at what is in it.
    with tempfile.TemporaryDirectory(prefix="studio-warm-") as folder:
        address = str(Path(folder) / "parent")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(address)
            listener.listen(64)
            process = await asyncio.to_thread(_begin, listener, folder)
        try:
            await asyncio.wait_for(asyncio.to_thread(_until_ready, process), _PATIENCE_SECONDS)
            WarmWorker.parent_address = address
            yield process
        except TimeoutError:
            raise OSError("it was not ready in time") from None
        finally:
            WarmWorker.parent_address = ""
            _leave(process)


def _begin(listener: socket.socket, folder: str) -> subprocess.Popen[bytes]:
    number = listener.fileno()
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "deployments.warm.parent", str(number)],
        env=parent_environment(),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[number],
        # Ctrl-C in the terminal is for the stubs, which pass it on.
        start_new_session=True,
    )


def parent_environment() -> dict[str, str]:
    """Return what runs have in their environment, without what names one of them."""
    known = get_current_settings().to_environment_variables(exclude_unset=True)
    together = {**os.environ, **known}
    return {name: value for name, value in together.items() if not name.startswith("PREFECT__")}


def _until_ready(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is None or process.stdout.readline().decode().strip() != READY:
        raise OSError("it ended before it was ready")


def _leave(process: subprocess.Popen[bytes]) -> None:
    """Let go of a parent: it ends when its children have."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
