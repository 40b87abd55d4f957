"""One event loop for all provider work of a process, in a thread of its own.

Prefect runs mapped tasks in threads, each of which would need a loop and HTTP connections of its
own. Here they share one loop, and so one client and one limit per provider and process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class BackgroundLoop:
    """An event loop in a daemon thread, started at its first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
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
                threading.Thread(
                    target=self._loop.run_forever, name="studio-loop", daemon=True
                ).start()
            return self._loop

    def close(self) -> None:
        """Stop the loop."""
        with self._start_lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)
