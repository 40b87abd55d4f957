"""Prefect's own Cancel and Pause buttons, heeded by a batch that runs.

Whoever presses them means the batch: they become what ``studio batch cancel`` and ``pause`` are, a
wish in the studio's database, so that rows under way finish and are paid. A run that a worker or
``studio up`` started has its process ended by Prefect soon after Cancel; ``flows.batch_hooks``
then does the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import NotPausedError
from prefect.flow_runs import aresume_flow_run
from prefect.runtime import flow_run as this_run

from engine.batch import BatchRun
from engine.batch_control import Verb, ask_for, wish_of
from studio.errors import StudioError

_EVERY = 3.0
"""Seconds between two looks at the run's state in Prefect."""


class PrefectWishes:
    """Looks at the run's state as long as a ``with`` block lasts.

    Args:
        running: the batch.
        user: who started it; what is wished on Prefect's pages counts as theirs.

    Attributes:
        cancelling: whether Prefect's Cancel was pressed.
    """

    def __init__(self, running: BatchRun, user: str) -> None:
        self._running = running
        self._user = user
        self._paused = False
        self.cancelling = False

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch(UUID(str(this_run.id))))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _watch(self, run: UUID) -> None:
        async with get_client() as client:
            while True:
                await asyncio.sleep(_EVERY)
                # A server that is away says nothing: the batch goes on, and is asked about again.
                with contextlib.suppress(Exception):
                    await self._look(client, run)

    async def _look(self, client: PrefectClient, run: UUID) -> None:
        state = (await client.read_flow_run(run)).state
        if state is None:
            return
        if (state.is_cancelling() or state.is_cancelled()) and not self.cancelling:
            self.cancelling = True
            await self._wish("cancel")
        elif state.is_paused() and self._running.began:
            await self._pause(run)
        elif state.is_running() and self._paused:
            self._paused = False
            await self._wish("resume")

    async def _pause(self, run: UUID) -> None:
        if not self._paused:
            self._paused = True
            await self._wish("pause")
        elif not await asyncio.to_thread(self._is_wished):
            # Resumed on the command line: Prefect's pages shall say so too.
            self._paused = False
            with contextlib.suppress(NotPausedError):
                await aresume_flow_run(run)

    def _is_wished(self) -> bool:
        with self._running.studio.database.read() as connection:
            return wish_of(connection, self._running.spec.id) is not None

    async def _wish(self, verb: Verb) -> None:
        running = self._running
        asks = partial(
            ask_for,
            owner=running.spec.owner,
            batch=running.spec.id,
            verb=verb,
            user=self._user,
            worker=running.studio.worker,
            lasts=running.hold_lasts,
        )
        try:
            await asyncio.to_thread(running.studio.database.write, asks)
        except StudioError as refused:
            get_run_logger().warning("Prefect's %s is not heeded: %s", verb, refused)
        else:
            get_run_logger().warning("Prefect's %s is heeded: rows under way finish first", verb)
