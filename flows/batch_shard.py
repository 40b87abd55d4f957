"""A part of a batch: rows of one that another run holds for, done beside it on another worker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Annotated, Any, Final

from prefect import State, flow
from prefect.context import SyncClientContext
from prefect.runtime import deployment
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed
from pydantic import Field

from engine.batch_shards import Range, Shards
from engine.execute import Order
from engine.studio import open_settings
from flows.batch_again import BATCH
from flows.fan_out import THREADS, fan_out
from flows.forms import OWNER
from flows.sharing import AGAIN, AT_ONCE, IDLE_SECONDS, at_once
from studio.collector import rare_collections
from studio.errors import SetupIncomplete, StudioError
from studio.settings import settings
from tasks import named
from tasks.artifacts import count
from tasks.batch import preflight_shard
from tasks.giving_way import others_wait
from tasks.states import refused

RUN = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        json_schema_extra={
            "title": "Run",
            "description": "The flow run that runs the batch at this moment, and has held for it.",
        },
    ),
]

_LOOK_SECONDS: Final = 20.0
"""Between two looks at whether others wait for this run's place."""
_LINGER_SECONDS: Final = 15.0
"""For which a helper waits for more rows: to start another one takes as long."""


@flow(
    name=named.SHARD.flow,
    description="Do rows of a batch that is being run, beside its own run. It starts by itself.",
    flow_run_name=lambda: f"part of batch {this_run.parameters['batch']}",
    task_runner=THREADS,  # type: ignore[arg-type]  # Prefect's own types disagree
)
async def batch_shard(batch: BATCH, run: RUN, *, owner: OWNER = "") -> State[Any]:
    """Do rows of a batch that is being run, beside its own run."""
    try:
        payer = owner or open_settings().owner
    except StudioError as error:
        return refused(error)
    shards = await preflight_shard(batch, run, payer)
    if isinstance(shards, State):
        return shards if shards.is_completed() else Failed(message=shards.message)
    done = _Done()
    try:
        with SyncClientContext.get_or_create(), rare_collections():
            looking = asyncio.create_task(_give_way(done))
            try:
                await at_once([_pull(shards, done) for _ in range(AT_ONCE)])
            finally:
                looking.cancel()
    except SetupIncomplete as error:
        return refused(error)
    words = f"{count('row', done.rows)} of batch {batch} in {count('part', done.ranges)}"
    if done.yielded:
        words += "; then it gave way to runs that wait"
    return Completed(message=words)


class _Done:
    """What this run did."""

    rows = 0
    ranges = 0
    stopped = False
    """No further row may begin here."""
    yielded = False
    """No further range is taken: others wait for the place."""


async def _give_way(done: _Done) -> None:
    """Leave this run's place to whoever waits for one: a helper makes another run faster, no more.

    What it has begun it ends first. The batch's own run asks for another helper later on.
    """
    while settings().work_pool and deployment.id and not done.yielded:
        await asyncio.sleep(_LOOK_SECONDS)
        # A server that is away says nothing; the rows go on.
        with contextlib.suppress(Exception):
            done.yielded = await others_wait(settings().work_pool, str(deployment.id))


async def _pull(shards: Shards, done: _Done) -> None:
    """Take ranges until none is left, and none comes any more."""
    idle_since = time.monotonic()
    while not (done.stopped or done.yielded):
        standing = await asyncio.to_thread(shards.standing)
        if not standing.total or time.monotonic() > idle_since + _LINGER_SECONDS:
            return
        taken = await asyncio.to_thread(shards.take)
        if taken is None:
            await asyncio.sleep(IDLE_SECONDS)
            continue
        await _carry_out(shards, taken, done)
        idle_since = time.monotonic()


async def _carry_out(shards: Shards, taken: Range, done: _Done) -> None:
    left = list(taken.orders)
    for pause in AGAIN:
        await asyncio.sleep(pause)
        results: list[tuple[Order, object]] = []

        def take(order: Order, result: object, found: Any = results) -> None:
            found.append((order, result))

        await fan_out(left, shards.rows, take, _nobody_looks)
        came = await asyncio.to_thread(shards.sort_out, results)
        left, done.stopped = list(came.again), done.stopped or came.stop
        if not left or done.stopped:
            break
    if left or done.stopped:
        # Its own run says what becomes of them.
        await asyncio.to_thread(shards.let_go, taken.number, tried=bool(left))
        return
    await asyncio.to_thread(shards.done, taken.number)
    done.rows += len(taken.orders)
    done.ranges += 1


async def _nobody_looks() -> None:
    """The batch's own run shows how far it is."""
