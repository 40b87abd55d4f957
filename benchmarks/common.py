"""What the benchmarks share: a studio with a provider that takes no time, and a table."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.studio import Studio, use_studio
from studio.database import Database
from studio.settings import Settings
from tests.support.providers import InstantProvider, book
from tests.support.studios import fund

FUNDS = 10**13


@contextmanager
def instant_studio(*, durable: bool = True, width: int = 16) -> Iterator[Studio]:
    """Open a studio in a folder of its own, with money and a provider that takes no time.

    Args:
        durable: whether commits wait for the disk.
        width: calls to the provider under way at once.
    """
    with tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as folder:
        config = Settings(home=Path(folder), owner="ada", width=width)
        studio = Studio(
            config,
            database=Database(config.database, durable=durable),
            providers={"instant": InstantProvider()},
            book=book(instant=1),
        )
        fund(studio, FUNDS)
        use_studio(studio)
        try:
            yield studio
        finally:
            use_studio(None)
            studio.close()


def show(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print figures as a table, or with ``--json`` as JSON."""
    if "--json" in sys.argv:
        print(json.dumps({"title": title, "rows": rows}))
        return
    print(title)
    widths = {key: max(len(key), *(len(str(row[key])) for row in rows)) for key in rows[0]}
    print("  ".join(key.ljust(width) for key, width in widths.items()))
    for row in rows:
        print("  ".join(str(row[key]).ljust(width) for key, width in widths.items()))


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return median, least and greatest as text."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
