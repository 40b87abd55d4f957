"""Waiting for the disk together: nobody is told before its own bytes are safe."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio import syncing
from studio.errors import StudioUnavailable
from studio.storage import BlobStore
from studio.syncing import SharedSync, can_sync_all

needs_syncfs = pytest.mark.skipif(not can_sync_all(), reason="Linux alone has syncfs")


class _Disk:
    """Stands in for the disk: the first wait for it lasts until it is let go."""

    def __init__(self) -> None:
        self.alone = 0
        self.together = 0
        self.refuses = False
        self.reached = threading.Event()
        self.goes_on = threading.Event()

    def sync_one(self) -> None:
        self.alone += 1
        self.reached.set()
        assert self.goes_on.wait(10)

    def sync_all(self, _descriptor: int) -> None:
        self.together += 1
        if self.refuses:
            raise OSError(5, "the disk is broken")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    disk = _Disk()
    monkeypatch.setattr(syncing, "_sync_file_system", disk.sync_all)
    return disk


def _gathered(shared: SharedSync, crowd: int) -> None:
    """Wait until so many have come together for the next wait."""
    for _ in range(1_000):
        if shared._next.crowd == crowd:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{shared._next.crowd} of {crowd} came")


def test_one_alone_syncs_its_own_file(tmp_path: Path, disk: _Disk) -> None:
    disk.goes_on.set()
    shared = SharedSync(tmp_path)
    shared.wait(disk.sync_one)
    shared.wait(disk.sync_one)
    assert (disk.alone, disk.together) == (2, 0)


@needs_syncfs
def test_those_who_come_during_a_wait_share_the_next_one(tmp_path: Path, disk: _Disk) -> None:
    shared = SharedSync(tmp_path)
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(shared.wait, disk.sync_one)
        assert disk.reached.wait(10)
        others = [threads.submit(shared.wait, disk.sync_one) for _ in range(5)]
        _gathered(shared, 5)
        # What was written after a wait began is not covered by it.
        assert not any(each.done() for each in others)
        disk.goes_on.set()
        for each in (first, *others):
            each.result(10)
    assert (disk.alone, disk.together) == (1, 1)


@needs_syncfs
def test_what_the_disk_refuses_is_told_to_all_who_waited(tmp_path: Path, disk: _Disk) -> None:
    disk.refuses = True
    shared = SharedSync(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(shared.wait, disk.sync_one)
        assert disk.reached.wait(10)
        others = [threads.submit(shared.wait, disk.sync_one) for _ in range(3)]
        _gathered(shared, 3)
        disk.goes_on.set()
        first.result(10)
        for each in others:
            with pytest.raises(OSError, match="the disk is broken"):
                each.result(10)
    shared.wait(disk.sync_one)  # the next one is on its own again
    assert disk.alone == 2


@needs_syncfs
def test_a_wait_that_is_cut_short_leaves_nobody_waiting(tmp_path: Path, disk: _Disk) -> None:
    def interrupted() -> None:
        disk.sync_one()
        raise KeyboardInterrupt

    shared = SharedSync(tmp_path)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(shared.wait, interrupted)
        assert disk.reached.wait(10)
        disk.goes_on.set()
        with pytest.raises(KeyboardInterrupt):
            first.result(10)
        threads.submit(shared.wait, disk.sync_one).result(10)
    assert disk.alone == 2


def test_files_kept_at_the_same_moment_are_all_there(tmp_path: Path) -> None:
    store = BlobStore(tmp_path.as_uri())
    files = [os.urandom(500) for _ in range(200)]
    with ThreadPoolExecutor(32) as threads:
        digests = list(threads.map(store.put, files))
    assert [store.get(each) for each in digests] == files
    assert not list(tmp_path.rglob(".part-*"))


@needs_syncfs
def test_a_file_that_the_disk_did_not_take_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(5, "the disk is broken")

    store = BlobStore(tmp_path.as_uri())
    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(syncing, "_sync_file_system", refuse)
    with pytest.raises(StudioUnavailable):
        store.put(b"bytes")
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
