"""Group commit: the writes of many callers in one transaction.

A durable commit costs a wait for the disk and a fixed number of statements, whoever asked for it.
One thread therefore takes all that is waiting, hands units of one kind to their handler together,
commits once, and answers every caller. While it commits, the next group gathers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from studio.database.connection import Database

_log = logging.getLogger(__name__)

Unit = TypeVar("Unit")
Answer = TypeVar("Answer")

Handler = Callable[[Connection, Sequence[Unit]], Sequence[Answer | Exception]]
"""Writes many units and answers each, in their order; an exception answers that unit alone."""

_LARGEST_GROUP = 500
_LONGEST_QUEUE = 20_000
_LINGER_SECONDS = 0.004
"""How long a group waits for more when the one before it had several units, i.e. when callers
come together. It costs a lone caller nothing, and doubles the throughput of many."""
_CLOSE_SECONDS = 30


_Pair = tuple[asyncio.Future[Any], Future[Any]]
"""What a coroutine awaits, and what it is told by."""


class _Waiting(Generic[Unit, Answer]):
    """A unit in the queue, with the promise of its answer."""

    __slots__ = ("future", "handler", "unit")

    def __init__(self, handler: Handler[Unit, Answer], unit: Unit) -> None:
        self.handler = handler
        self.unit = unit
        self.future: Future[Answer] = Future()


class GroupCommit:
    """Commits units of work in groups, from one thread of its own.

    A handler that raises (rather than answering a unit with an exception) breaks the whole
    group: it is rolled back and every unit is then tried in a transaction of its own, so that
    one bad unit cannot take its neighbours down.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.Queue[_Waiting[Any, Any] | None] = queue.Queue(_LONGEST_QUEUE)
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._closed = False
        self._crowded = False
        self._answered: dict[asyncio.AbstractEventLoop, list[_Pair]] = {}

    def submit(self, handler: Handler[Unit, Answer], unit: Unit) -> Future[Answer]:
        """Queue ``unit``; the future holds its answer once it is durable.

        Waits while more than 20,000 units are queued.

        Raises:
            RuntimeError: the group commit was closed.
        """
        waiting = _Waiting(handler, unit)
        with self._start_lock:
            if self._closed:
                raise RuntimeError("the group commit is closed")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="studio-group-commit", daemon=True
                )
                self._thread.start()
            # Under the lock: behind the end that `close` queues, nobody would ever answer.
            self._queue.put(waiting)
        return waiting.future

    def awaited(self, future: Future[Answer]) -> asyncio.Future[Answer]:
        """Return what a coroutine awaits for the answer that ``submit`` promised.

        Like ``asyncio.wrap_future``, which wakes the loop once for each answer: here one call wakes
        it for all answers of a group.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()

        def answered(done: Future[Answer]) -> None:
            if threading.current_thread() is self._thread:
                self._answered.setdefault(loop, []).append((waiter, done))
            else:  # it was there before, or the waiter was cancelled
                _hand_over([(waiter, done)])

        waiter.add_done_callback(lambda over: future.cancel() if over.cancelled() else None)
        future.add_done_callback(answered)
        return waiter

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        with self._start_lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._gather()
            if group:
                self._commit(group)

    def _wake(self) -> None:
        """Hand the answers of a group over to those who await them."""
        for loop, pairs in self._answered.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
                loop.call_soon_threadsafe(_hand_over, pairs)
        self._answered = {}

    def _gather(self) -> tuple[list[_Waiting[Any, Any]], bool]:
        """Wait for one unit, then take what else comes. False: the end was asked for."""
        group: list[_Waiting[Any, Any]] = []
        item = self._queue.get()
        deadline = time.monotonic() + (_LINGER_SECONDS if self._crowded else 0)
        while item is not None:
            # A caller may have been cancelled while it waited; from here on nobody can be.
            if item.future.set_running_or_notify_cancel():
                group.append(item)
            if len(group) == _LARGEST_GROUP:
                break
            try:
                item = self._queue.get(timeout=max(deadline - time.monotonic(), 0.0))
            except queue.Empty:
                break
        self._crowded = len(group) > 1
        return group, item is not None

    def _commit(self, group: list[_Waiting[Any, Any]]) -> None:
        try:
            answers = self._database.write(lambda connection: _handle(connection, group))
        except Exception as error:  # noqa: BLE001 - it becomes the callers' answer
            if len(group) == 1:
                group[0].future.set_exception(error)
                self._wake()
                return
            _log.warning("a group of %s units is tried one by one: %r", len(group), error)
            for waiting in group:
                self._commit([waiting])
            return
        for waiting, answer in zip(group, answers, strict=True):
            if isinstance(answer, Exception):
                waiting.future.set_exception(answer)
            else:
                waiting.future.set_result(answer)
        self._wake()


def _hand_over(pairs: Sequence[_Pair]) -> None:
    """Answer, in the loop of those who wait."""
    for waiter, done in pairs:
        if waiter.done():
            continue
        if done.cancelled():
            waiter.cancel()
        elif (error := done.exception()) is not None:
            waiter.set_exception(error)
        else:
            waiter.set_result(done.result())


def _handle(connection: Connection, group: list[_Waiting[Any, Any]]) -> list[Any]:
    """Call each handler once with all of its units; answers come back in the group's order."""
    by_handler: dict[Any, list[int]] = {}
    for position, waiting in enumerate(group):
        by_handler.setdefault(waiting.handler, []).append(position)
    answers: list[Any] = [None] * len(group)
    for handler, positions in by_handler.items():
        units = [group[position].unit for position in positions]
        for position, answer in zip(positions, handler(connection, units), strict=True):
            answers[position] = answer
    return answers
