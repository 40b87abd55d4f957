"""One event loop for all provider work of a process, in a thread of its own.

Prefect runs mapped tasks in threads, each of which would need a loop and HTTP connections of its
own. Here they share one loop, and so one client and one limit per provider and process.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

_CLOSE_SECONDS = 30
_THREADS = 32
"""For what would keep the loop waiting: mostly files that are being put on the disk, which is
waited for together. Python's own number goes by the processors: six, where there are two."""


async def to_the_end(work: Awaitable[Result]) -> Result:
    """Wait for ``work`` also through a cancellation, which then strikes at the next ``await``.

    For steps that must not be torn: done or not done, the journal has to know.
    """
    inner = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(inner)
    except asyncio.CancelledError:
        if inner.cancelled():
            raise
    while not inner.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({inner})
    this = asyncio.current_task()
    if this is not None:
        # Taken back and asked for again: the count of cancellations, by which a time-out knows
        # its own, stays what it was.
        this.uncancel()
        this.cancel()
    return inner.result()


class BackgroundLoop:
    """An event loop in a daemon thread, started at its first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run ``work`` on the loop and wait for its result, from any other thread.

        When the waiting thread is interrupted (Ctrl-C, a cancelled run), the work is cancelled.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._start_lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(_THREADS, "studio-work"))
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="studio-loop", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Cancel what still runs, let it write down how it ended, and end the loop."""
        with self._start_lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_CLOSE_SECONDS)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    # The runner cancels what is left when the loop was stopped, and closes the loop.
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
