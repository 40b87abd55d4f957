"""How many rows one task carries out."""

from __future__ import annotations

import pytest

from engine.batch_chunks import chunk_size


@pytest.mark.parametrize(
    ("rows", "size"), [(0, 25), (201, 25), (5_000, 25), (5_001, 26), (10_000, 50), (50_000, 250)]
)
def test_a_batch_has_no_more_than_200_chunks(rows: int, size: int) -> None:
    assert chunk_size(rows, 25) == size
    assert len(range(0, rows, size)) <= 200
