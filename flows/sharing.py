"""A batch's own run, and the runs that help it: its rows are shared out where there is a work pool.

The run does its part like its helpers. So it needs none of them: where no worker has a place free,
it does all rows alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.states import Cancelled

from engine.batch import BatchRun
from engine.batch_shards import Range, Shards
from engine.execute import Order
from engine.jobs import Job
from flows.fan_out import fan_out, take_in
from studio.errors import AlreadyRunning, BatchCancelled, StudioError, WindowClosed
from studio.settings import settings
from tasks.batch_progress import RunProgress
from tasks.named import SHARD

AT_ONCE: Final = 2
"""Ranges that one process works on: the next one fills the slots that the last rows leave."""
AGAIN: Final = (0.0, 2.0, 10.0, 30.0)
"""Seconds before each try of rows that another process was at work on."""
IDLE_SECONDS: Final = 1.0

_LOOK_SECONDS: Final = 10.0
"""Between two looks at how the helpers are."""
_MORE_STARTS: Final = 3
"""Helpers that are started in place of ones that broke down."""
_PATIENCE: Final = 900.0
"""Seconds after the end of the hold for rows that others still have at a provider."""


class Sharing:
    """How a run of a batch does its rows, as long as a ``with`` block lasts.

    Args:
        progress: of the run.
    """

    def __init__(self, progress: RunProgress) -> None:
        self._progress = progress
        self._running = progress.running
        self._showing = asyncio.Lock()
        self._helpers = Helpers(self._running)

    async def __aenter__(self) -> Self:
        """Begin with no helper."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell those helpers that have not begun that they need not."""
        await self._helpers.dismiss()

    async def alone(self, orders: Sequence[Order]) -> None:
        """Carry orders out in this process."""
        running = self._running

        def take(order: Order, result: object) -> None:
            take_in(running, order, result)

        await fan_out(orders, len(running.spec.rows), take, self._show)

    async def together(self, orders: Sequence[Order]) -> None:
        """Carry the orders of a wave out with others, if there are enough of them."""
        if not is_shared(self._running, len(orders)):
            await self.alone(orders)
            return
        shards = _shards_of(self._running)
        ranges = await asyncio.to_thread(shards.write, orders, settings().shard_rows)
        await self._helpers.call(min(settings().shards, ranges - 1))
        until = time.monotonic() + self._running.hold_lasts.total_seconds() + _PATIENCE
        await at_once([self._pull(shards, until) for _ in range(AT_ONCE)])
        await self._read_back(shards, orders)

    async def _pull(self, shards: Shards, until: float) -> None:
        """Take ranges until all are done, or the others alone have what is not."""
        running, in_vain = self._running, False
        while True:
            taken = None
            if running.closed is None:
                taken = await asyncio.to_thread(shards.take)
            if taken is not None:
                await self._carry_out(shards, taken)
                continue
            standing = await asyncio.to_thread(shards.standing)
            waits = standing.elsewhere if running.closed is not None else standing.at_work
            if not standing.open or (in_vain and not waits):
                return
            # One may just have been let go: it is looked at once more.
            in_vain = not waits
            if time.monotonic() > until:
                get_run_logger().error("%s parts did not come back in time", standing.elsewhere)
                return
            await asyncio.sleep(IDLE_SECONDS if waits else 0)
            await self._show()

    async def _carry_out(self, shards: Shards, taken: Range) -> None:
        running, left = self._running, list(taken.orders)
        again: list[Order] = []

        def take(order: Order, result: object) -> None:
            known = isinstance(result, Job | StudioError)
            if known and not isinstance(result, AlreadyRunning):
                take_in(running, order, result)
            else:
                again.append(order)

        for pause in AGAIN:
            await asyncio.sleep(pause)
            again.clear()
            await fan_out(left, len(running.spec.rows), take, self._show)
            left = list(again)
            if not left or running.closed is not None:
                break
        if left or running.closed is not None:
            await asyncio.to_thread(shards.let_go, taken.number, tried=bool(left))
        else:
            await asyncio.to_thread(shards.done, taken.number)

    async def _show(self) -> None:
        if not self._showing.locked():
            async with self._showing:
                await self._progress.show()
                await self._helpers.look()

    async def _read_back(self, shards: Shards, orders: Sequence[Order]) -> None:
        """See what the helpers did, and whether somebody wants no more of it."""
        running = self._running
        over = await asyncio.to_thread(shards.read_back, running.view, orders)
        for order in orders:
            ending = running.view.endings.get(order.label, {})
            if running.cancelled is None and ending.get("code") == BatchCancelled.code:
                running.cancelled = BatchCancelled(ending["message"], batch=running.spec.id)
        if over or running.closed is not None:
            return
        try:
            control = running.studio.control.may_begin(running.spec.id)
            await asyncio.to_thread(running.studio.loop.run, control)
        except WindowClosed as closed:
            running.closed = closed
        except BatchCancelled as cancelled:
            running.cancelled = cancelled


def is_shared(running: BatchRun, orders: int) -> bool:
    """Whether so many orders of a batch are shared out: there are workers, and it is worth it.

    SQLite has one writer: several processes would wait for each other.
    """
    chosen = settings()
    enough = bool(chosen.work_pool and chosen.shards) and orders > chosen.shard_rows
    return enough and not running.studio.database.is_sqlite


def _shards_of(running: BatchRun) -> Shards:
    spec = running.spec
    return Shards(running.studio, spec.id, spec.owner, running.run, running.hold, len(spec.rows))


class Helpers:
    """The runs that help: asked of Prefect, as runs of this one.

    What Prefect cannot do is done without them: a helper more or less costs time, and nothing else.

    Args:
        running: the batch.
    """

    def __init__(self, running: BatchRun) -> None:
        self._running = running
        self._runs: dict[UUID, FlowRun] = {}
        self._wanted = 0
        self._more = _MORE_STARTS
        self._looked = 0.0

    async def call(self, wanted: int) -> None:
        """Have so many helpers at work, or on their way."""
        self._wanted = wanted
        with self._forgiven("Helpers cannot be started"):
            await self._see()
            while len(self._runs) < self._wanted:
                await self._start()

    async def look(self) -> None:
        """Start others in place of those that broke down, a few times."""
        if time.monotonic() < self._looked + _LOOK_SECONDS or not self._wanted:
            return
        self._looked = time.monotonic()
        with self._forgiven("Helpers cannot be looked at"):
            await self._see()
            while len(self._runs) < self._wanted and self._more:
                self._more -= 1
                await self._start()

    async def dismiss(self) -> None:
        """Cancel those that have not begun; the others end by themselves, as nothing is left."""
        self._wanted = 0
        with self._forgiven("Helpers cannot be dismissed"):
            if not self._runs:
                return
            await self._see()
            state: Any = Cancelled(name="Skipped", message="Nothing was left for it to do.")
            async with get_client() as client:
                for run in self._runs.values():
                    if run.state is not None and run.state.is_scheduled():
                        await client.set_flow_run_state(run.id, state)

    async def _start(self) -> None:
        spec = self._running.spec
        run = await arun_deployment(
            SHARD.path,
            parameters={"batch": spec.id, "run": self._running.run, "owner": spec.owner},
            timeout=0,
            as_subflow=True,
        )
        self._runs[run.id] = run
        get_run_logger().info("run %s is to help with batch %s", run.name, spec.id)

    async def _see(self) -> None:
        """Look at the runs, and forget those that are over."""
        async with get_client() as client:
            for identifier in list(self._runs):
                run = await client.read_flow_run(identifier)
                self._runs[identifier] = run
                if run.state is not None and run.state.is_final():
                    del self._runs[identifier]
                    if not run.state.is_completed():
                        log = get_run_logger().warning
                        log("helper %s: %s: %s", run.name, run.state.name, run.state.message)

    @contextlib.contextmanager
    def _forgiven(self, words: str) -> Any:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - without helpers the batch goes on as well
            get_run_logger().warning("%s; the batch goes on without: %s", words, error)


async def at_once(work: Sequence[Any]) -> None:
    """Wait for several pieces of work; when one fails, the others are stopped, and it is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
