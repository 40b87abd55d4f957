"""A ZIP of many pictures is written with one of them in memory at a time."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

from engine.exporting import pack, with_names
from studio.storage import BlobStore
from tests.unit.library.conftest import OWNER, asset

_BYTES = 20_000


def peak(store: BlobStore, count: int, target: Path) -> int:
    """Return the bytes that Python had at most while it wrote so many pictures."""
    digests = store.put_all([os.urandom(_BYTES) for _ in range(count)])
    found = (
        asset(number, OWNER, name=f"{number}.png", sha256=digest)
        for number, digest in enumerate(digests)
    )
    tracemalloc.start()
    try:
        with target.open("wb") as file:
            pack(store, with_names(found), file)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_as_many_pictures_take_no_more_memory(tmp_path: Path) -> None:
    count = 1_000
    store = BlobStore((tmp_path / "blobs").as_uri())
    peak(store, 10, tmp_path / "first.zip")  # what is made once, such as caches
    few = peak(store, count // 10, tmp_path / "few.zip")
    many = peak(store, count, tmp_path / "many.zip")
    with zipfile.ZipFile(tmp_path / "many.zip") as packed:
        assert len(packed.namelist()) >= count
        assert packed.testzip() is None
    assert (tmp_path / "many.zip").stat().st_size > count * _BYTES
    # The format's own list at the end of the file grows with the names: about 1 KB for each.
    assert many - few < 2_000 * (count - count // 10)
    assert many < count * _BYTES / 5
