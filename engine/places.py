"""Places: how much goes on at once, by provider, and whose turn it is.

A row has two places. The slot is the provider's: it is taken for the call alone, and given back as
soon as the provider has done its part. The room is this process's: it is kept until what was
bought is written down, so that what is held in memory stays bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from engine.batch_control import Control
from engine.jobs import Job
from engine.pacing import Pacing
from providers import Offer, Provider
from providers.pacing import Caller
from studio.errors import StudioError

_log = logging.getLogger(__name__)

_ROOMS_FOR_A_SLOT = 2


class Place:
    """A room with a slot in it, both held until they are given back."""

    def __init__(self, pacing: Pacing, provider: Provider) -> None:
        self._pacing = pacing
        self._provider = provider
        self._slot = contextlib.AsyncExitStack()

    async def take(self, admission: contextlib.AbstractAsyncContextManager[None]) -> None:
        """Wait for the slot."""
        await self._slot.enter_async_context(admission)

    async def answered(self, job: Job) -> None:
        """Give the slot back: the provider has done its part, and ``job`` stands as it said."""
        # Learnt before: who comes next shall know it.
        try:
            await self._pacing.learn(self._provider, job)
        except StudioError as error:
            # What was bought is written down; that no lesson was learnt does not undo it.
            _log.warning("nothing was learnt of %s: %s", self._provider.name, error)
        await self.leave()

    async def leave(self) -> None:
        """Give the slot back, if it is not yet."""
        await self._slot.aclose()


class Places:
    """The places of one process.

    Args:
        width: calls to one provider under way at once; there is room for twice as many rows.
        pacing: keeps to the limits of accounts at providers.
        control: heeds who pauses or cancels batches; ``None`` knows of nobody.
    """

    def __init__(self, width: int, pacing: Pacing, control: Control | None) -> None:
        # Of its own for each: rows that wait for one provider do not keep others from theirs.
        self._widths = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(width))
        self._rooms = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(_ROOMS_FOR_A_SLOT * width)
        )
        self._most = width
        self._pacing = pacing
        self._control = control

    @contextlib.asynccontextmanager
    async def resumed(self, provider: str) -> AsyncIterator[None]:
        """Take a part of the width for what was begun before: it asks nobody else."""
        async with self._widths[provider]:
            yield

    @contextlib.asynccontextmanager
    async def admission(
        self, batch: str, caller: Caller, provider: Provider, offer: Offer
    ) -> AsyncIterator[Place]:
        """Wait for room, for a slot at the provider, and for nobody wishing that the batch waits.

        Raises:
            RateLimited: the account would have no room for longer than anybody waits.
            ProviderUnavailable: the provider has failed so often that it is left alone for longer.
            BatchCancelled: no further row of the batch begins.
        """
        while True:
            if self._control is not None:
                # Outside, so that a batch that is paused keeps no other from the provider.
                await self._control.turn(batch)
            async with self._rooms[provider.name]:
                place = Place(self._pacing, provider)
                try:
                    await place.take(self._slot(provider, offer, caller))
                    # Again: it may have waited for long.
                    if self._control is None or await self._control.may_begin(batch):
                        yield place
                        return
                finally:
                    await place.leave()

    @contextlib.asynccontextmanager
    async def _slot(self, provider: Provider, offer: Offer, caller: Caller) -> AsyncIterator[None]:
        async with (
            self._width(provider),
            self._pacing.admission(provider, offer, caller),
        ):
            yield

    def _width(self, provider: Provider) -> contextlib.AbstractAsyncContextManager[Any]:
        """Return what keeps the calls of this process within the width.

        An account with no more slots than that needs nothing: its queue is where rows wait, so that
        a slot passes from one to the next.
        """
        slots = provider.limits.concurrent if provider.limits else None
        if slots is not None and slots <= self._most and self._pacing.counts:
            return contextlib.nullcontext()
        return self._widths[provider.name]
