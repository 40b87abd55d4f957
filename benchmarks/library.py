"""The library's list and filters, with many assets: milliseconds of a page, and assets filed.

Half of the assets are of one model, one in 10,000 is a video,
and none is audio: the last is the worst case, since every entry of the owner is passed over. Beside
it, in the same table: the same filters with the index as it was, of (owner, id) only, and the
deepest page by OFFSET.

Usage: python -m benchmarks.library [--assets 200000] [--url URL] [--json]

The URL is that of an empty database; without it, a SQLite file in the temporary folder is used.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from benchmarks.common import show
from library import Asset, Filters, add_assets, list_assets
from library.tables import assets
from studio.database import Database, metadata

_OWNER = "ada"
_GROUP = 500
_TRIES = 20
_PAGE = 50
_RARE = 10_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MODELS = ("sdxl", "flux", "imagen", "sdxl")

Look = Callable[[Connection], object]


def identifier(number: int) -> str:
    """Return the id of an asset by its number."""
    return f"ast_{number:026d}"


def made(count: int) -> Iterator[Asset]:
    """Yield assets with requests of a usual length, a second apart."""
    for number in range(count):
        prompt = f"a red fox no. {number} in the snow, soft light, wide shot, " * 3
        video = number % _RARE == _RARE // 2
        yield Asset(
            id=identifier(number),
            owner=_OWNER,
            name=f"fox-{number}.png",
            sha256=f"{number:064x}",
            thumbnail=f"{number:064x}",
            media_type="video/mp4" if video else "image/png",
            bytes=1_000_000,
            width=1024,
            height=1024,
            operation="generate",
            request={"operation": "generate", "prompt": prompt, "width": 1024, "height": 1024},
            provider="cloud",
            model=_MODELS[number % len(_MODELS)],
            method="made",
            reason="the cheapest that can",
            seed=number,
            credits=1000,
            facts={"seconds": 1.5},
            job=f"job_{number}",
            position=0,
            run="",
            created_at=_START + timedelta(seconds=number),
        )


def looks() -> Mapping[str, Look]:
    """Return what is looked for, by its name."""

    def page(before: str = "", **values: Any) -> Look:
        filters = Filters(**values)
        return lambda connection: list_assets(
            connection, _OWNER, limit=_PAGE, before=before, filters=filters
        )

    early = _START + timedelta(seconds=2 * _PAGE)
    return {
        "newest": page(),
        "deepest page": page(identifier(_PAGE)),
        "most common model": page(model="sdxl"),
        "the same, deepest page": page(identifier(2 * _PAGE), model="sdxl"),
        "rare kind (1 in 10,000)": page(kind="video"),
        "the oldest by date": page(until=early),
        "what is not there": page(kind="audio"),
        "two that are not there": page(kind="audio", model="sdxl", since=early),
    }


def by_offset(count: int) -> Look:
    """Return the deepest page, as it is found by counting."""
    query = select(assets).where(assets.c.owner == _OWNER).order_by(assets.c.id.desc())
    return lambda connection: connection.execute(query.limit(_PAGE).offset(count - _PAGE)).all()


def milliseconds(database: Database, look: Look) -> float:
    """Return the 95th of a hundred of the times that one look takes."""
    times = []
    for _ in range(_TRIES):
        with database.read() as connection:
            start = time.perf_counter()
            look(connection)
            times.append((time.perf_counter() - start) * 1000)
    return sorted(times)[int(len(times) * 0.95) - 1]


def fill(database: Database, count: int) -> float:
    """File the assets in groups, as settlements do; return how many a second."""
    spent = 0.0
    coming = made(count)
    while group := list(islice(coming, _GROUP)):
        start = time.perf_counter()
        database.write(partial(add_assets, new=group))
        spent += time.perf_counter() - start
    return count / spent


def narrow(database: Database) -> None:
    """Make the index as it was, without the columns of the filters."""

    def work(connection: Connection) -> None:
        connection.execute(text("DROP INDEX ix_assets_owner_id"))
        connection.execute(text("CREATE INDEX ix_assets_owner_id ON assets (owner, id)"))

    database.write(work)


def settle(database: Database) -> None:
    """Let the database count its rows, as its own upkeep does."""
    vacuum = "ANALYZE" if database.is_sqlite else "VACUUM ANALYZE assets"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(vacuum)


def measure(database: Database, count: int) -> None:
    """Fill the database, look, and show what it took."""
    metadata.create_all(database.engine)
    rate = fill(database, count)
    settle(database)
    wide = {name: milliseconds(database, look) for name, look in looks().items()}
    offset = milliseconds(database, by_offset(count))
    narrow(database)
    settle(database)
    before = {name: milliseconds(database, look) for name, look in looks().items()}
    rows = [
        {"page": name, "p95 ms": f"{value:.1f}", "narrow index": f"{before[name]:.1f}"}
        for name, value in wide.items()
    ]
    rows.append({"page": "deepest page by OFFSET", "p95 ms": f"{offset:.1f}", "narrow index": "-"})
    kind = database.url.get_backend_name()
    show(f"{count:,} assets on {kind}, filed at {rate:,.0f} a second", rows)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=200_000)
    parser.add_argument("--url", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        database = Database(given.url or f"sqlite:///{Path(folder) / 'studio.db'}")
        try:
            measure(database, given.assets)
        finally:
            database.close()


if __name__ == "__main__":
    main()
