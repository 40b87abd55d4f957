"""How the rows of a batch are cut up, so that a server of Prefect keeps up with its task runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.execute import Order

_MOST_TASKS = 200
"""Task runs for the rows of a batch."""


def chunk_size(rows: int, least: int) -> int:
    """Return how many rows of a batch one task carries out.

    So many that the batch has about 200 tasks at most: a server keeps up with so many, and a page
    still shows them all.

    Args:
        rows: of the whole batch.
        least: the size that small batches have.
    """
    return max(least, math.ceil(rows / _MOST_TASKS))


def chunks(orders: Sequence[Order], size: int) -> list[list[Order]]:
    """Cut orders into pieces of at most ``size``."""
    return [list(orders[start : start + size]) for start in range(0, len(orders), size)]
