"""Python's collector of cycles, kept from looking at a large batch over and over.

It looks at young objects after each 700 that were made, and at all of them now and then. The rows
of a batch live until its end and have no cycles, so that nearly all of this is for nothing: it took
an eighth of the time of a row.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = (50_000, 20, 100)
"""Objects before the young are looked at, and how many such looks come before the older are."""

_lock = threading.Lock()
_before: list[tuple[int, int, int]] = []
"""What was set before, once for each that is at work."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let cycles be collected rarely while a batch is read, planned or run.

    Several may be at work at once, in any threads; what was set before is set again by the last.
    Cycles are collected all the same: at most some 10 MB of them wait.
    """
    with _lock:
        _before.append(gc.get_threshold())
        gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        with _lock:
            # Whoever leaves last takes what the first one found.
            after = _before.pop()
            if not _before:
                gc.set_threshold(*after)
