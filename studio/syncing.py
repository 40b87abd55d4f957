"""Waiting for the disk together: threads that write at the same moment share one wait for it."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path


class SharedSync:
    """Waits until what was written is on the disk, once for all threads that ask meanwhile.

    While one wait lasts, others gather for the next one. Whoever is alone in it syncs its own file;
    several have the whole file system synced (Linux's syncfs), which costs one wait whatever their
    number. Where the system cannot do that, everybody waits for its own.

    Make it before the first file is written: it tells of errors of the disk from then on.

    Args:
        folder: on the file system that is meant; it is made where it is not there.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._disk = threading.Lock()
        self._next = _Round()
        self._descriptor = -1
        if can_sync_all():
            folder.mkdir(parents=True, exist_ok=True)
            # Kept open: a new one would not tell of what the disk refused before.
            self._descriptor = os.open(folder, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptor)

    def wait(self, alone: Callable[[], None]) -> None:
        """Return when everything that this thread has written is on the disk.

        Args:
            alone: syncs what this thread has written, and nothing else.

        Raises:
            OSError: the disk did not take something, perhaps of another thread.
        """
        if self._descriptor < 0:
            alone()
            return
        with self._lock:
            mine = self._next
            mine.crowd += 1
            leads = mine.crowd == 1
        if not leads:
            mine.over.result()
            return
        try:
            # Until the wait before it is over, others may join.
            with self._disk:
                with self._lock:
                    self._next = _Round()
                if mine.crowd == 1:
                    alone()
                else:
                    _sync_file_system(self._descriptor)
        except BaseException as error:
            with self._lock:
                if self._next is mine:
                    self._next = _Round()
            failed = error if isinstance(error, OSError) else OSError(0, "the wait was cut short")
            mine.over.set_exception(failed)
            raise
        mine.over.set_result(None)


class _Round:
    """One wait for the disk: how many share it, and that it is over."""

    def __init__(self) -> None:
        self.crowd = 0
        self.over: Future[None] = Future()


def can_sync_all() -> bool:
    """Whether this system can be told to write everything of one file system to its disk."""
    return _syncfs() is not None


def sync_all(folder: Path) -> None:
    """Wait until everything on the file system of ``folder`` is on its disk (Linux's syncfs).

    Raises:
        OSError: the disk did not take something.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync_file_system(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(descriptor: int) -> None:
    syncfs = _syncfs()
    if syncfs is None or syncfs(descriptor) != 0:
        raise OSError(ctypes.get_errno(), "the disk did not take everything")


@cache
def _syncfs() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    return found
