"""The library with many assets: milliseconds of every list, filter and search, and bulk actions.

Half of the assets are of one model, one in 10,000 is a video, and none is audio; the word "fox"
is in all, "snow" in half, "number" words in one each; of each, three of 300 tags are told. One of
50 is a favourite, rated, in a collection and bears a tag, one of 100 is in the trash. Beside it,
in the same tables: the same words ranked by FTS5's own bm25 (SQLite) or ts_rank (Postgres),
looked for with LIKE, and the deepest page by OFFSET.

Usage: python -m benchmarks.library [--assets 200000] [--url URL] [--json]

The URL is that of an empty database, or of one that was filled before with as many; without it, a
SQLite file in the temporary folder is used.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Text, insert, select, text

from benchmarks.common import show
from library import Asset, Filters, add_assets, count_matches, find_page
from library.card_tables import asset_tags, cards
from library.collecting import collections_of, create_collection
from library.numbers import number_at
from library.ordering import collect, favourite, rate, unfavourite
from library.shown import names_told, shown
from library.similar import duplicates, similar
from library.sorting import NEWEST
from library.tables import assets
from library.tags import tag, untag
from library.trash import restore, trash
from library.undoing import undo
from studio.database import Database, metadata
from studio.ids import new_id

_OWNER = "ada"
_GROUP = 500
_TRIES = 20
_PAGE = 50
_RARE = 10_000
_SHELF = "shelf"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MODELS = ("sdxl", "flux", "imagen", "sdxl")

Look = Callable[[Connection], object]


def identifier(number: int) -> str:
    """Return the id of an asset by its number."""
    return f"ast_{number:026d}"


def made(count: int) -> Iterator[Asset]:
    """Yield assets with requests of a usual length, a second apart."""
    for number in range(count):
        place = "snow" if number % 2 else "wood"
        prompt = f"a red fox no. n{number} in the {place}, soft light, wide shot, " * 3
        video = number % _RARE == _RARE // 2
        wide = number % 4 == 1
        template = {"template": "poster"} if number % 5 == 0 else {}
        yield Asset(
            id=identifier(number),
            owner=_OWNER,
            name=f"fox-{number}.png",
            sha256=f"{number:064x}",
            thumbnail=f"{number:064x}",
            media_type="video/mp4" if video else "image/png",
            bytes=1_000_000 + number % 1_000,
            width=1536 if wide else 1024,
            height=1024,
            operation="upscale" if number % 10 == 3 else "generate",
            request={"operation": "generate", "prompt": prompt, "width": 1024, "height": 1024},
            provider="local" if number % 3 == 0 else "cloud",
            model=_MODELS[number % len(_MODELS)],
            method="made",
            reason="the cheapest that can",
            seed=number,
            credits=1000 if number % _RARE else 9000,
            facts={
                **template,
                "seconds": 1.5,
                "colours": ["red", "white"] if number % 2 else ["green"],
                "phash": blake2b(identifier(number).encode(), digest_size=8).hexdigest(),
            },
            job=f"job_{number}",
            position=0,
            run="",
            created_at=_START + timedelta(seconds=number),
        )


def looks(count: int, collection: str) -> Mapping[str, Look]:
    """Return what is looked for, by its name."""

    def page(sort: str = "newest", after: str = "", **values: Any) -> Look:
        filters = Filters(**values)
        return lambda connection: find_page(
            connection, _OWNER, filters, sort=sort, limit=_PAGE, after=after
        )

    def counted(**values: Any) -> Look:
        return lambda connection: count_matches(connection, _OWNER, Filters(**values))

    early = _START + timedelta(seconds=2 * _PAGE)
    deep = NEWEST.at(number_at(early))
    return {
        "newest": page(),
        "deepest page": page(after=deep),
        "most common model": page(model="sdxl"),
        "most common model, deepest page": page(after=deep, model="sdxl"),
        "rare kind (1 in 10,000)": page(kind="video"),
        "the oldest by date": page(until=early),
        "what is not there": page(kind="audio"),
        "two common ones, never together": page(model="flux", words="wood"),
        "dear ones (1 in 10,000)": page(least_credits=9000),
        "an operation (1 in 10)": page(operation="upscale"),
        "a provider and a colour": page(provider="local", colour="red"),
        "a shape of a template": page(shape="landscape", template="poster"),
        "what a module made": page(module="create"),
        "favourites (1 in 50)": page(favourite=True),
        "no favourites": page(favourite=False),
        "a tag (1 in 50)": page(tag="for print"),
        "a tag, of a common word": page(tag="for print", words="snow"),
        "a collection (1 in 50)": page(collection=collection),
        "rated 4 or better (1 in 50)": page(rating=4),
        "rated 4 or better, of a common model": page(rating=4, model="sdxl"),
        "wider than any": page(least_width=4096),
        "wider than most, of a common word": page(least_width=1100, words="fox"),
        "the trash (1 in 100)": page(trashed=True),
        "the trash, of a common word": page(trashed=True, words="fox"),
        "oldest first": page("oldest"),
        "oldest of a common word": page("oldest", words="snow"),
        "smallest first": page("smallest"),
        "dearest first": page("dearest"),
        "cheapest of a common model": page("cheapest", model="sdxl"),
        "best rated first": page("rating"),
        "best rated of a common word": page("rating", words="snow"),
        "largest first": page("largest"),
        "largest of a common model": page("largest", model="flux"),
        "largest of a rare kind": page("largest", kind="video"),
        "by name, of a common word": page("name", words="snow"),
        "most common word": page(words="fox"),
        "most common word, deepest page": page(after=deep, words="fox"),
        "most common word, ranked": page("ranked", words="fox"),
        "two common words": page(words="fox snow"),
        "a word of one asset": page(words=f"n{count // 2}"),
        "a word of none": page(words="zebra"),
        "common word, rare kind": page(words="fox", kind="video"),
        "common words, one never there": page(words="fox -red"),
        "part of an id": page(words=identifier(count // 2)[-8:]),
        "pictures that look like one": lambda connection: similar(
            connection, _OWNER, identifier(count // 2)
        ),
        "what pictures show: 24 near tags": lambda connection: shown(
            connection, _OWNER, {f"tag {number}": 900 - number for number in range(24)}
        ),
        "what pictures show: the names of tags": lambda connection: names_told(connection, _OWNER),
        "the same files": lambda connection: duplicates(connection, _OWNER),
        "count of a common word": counted(words="snow"),
        "count of a model": counted(model="sdxl"),
    }


def peers(database: Database, count: int) -> Mapping[str, Look]:
    """Return the usual ways to the same, in the same tables."""
    query = select(assets).where(assets.c.owner == _OWNER).order_by(assets.c.id.desc())
    like = query.where(assets.c.request.cast(Text).like("%zebra%")).limit(_PAGE)
    if database.is_sqlite:
        ranked = (
            "SELECT rowid FROM asset_words_index WHERE asset_words_index MATCH 'fox'"
            " ORDER BY bm25(asset_words_index) LIMIT 50"
        )
    else:
        ranked = (
            "SELECT number FROM asset_words, array_to_tsvector(string_to_array(btrim(words), ' '))"
            " vector WHERE array_to_tsvector(string_to_array(btrim(words), ' ')) @@ 'fox'::tsquery"
            " ORDER BY ts_rank(vector, 'fox'::tsquery) DESC LIMIT 50"
        )
    return {
        "PEER most common word, ranked by the database": lambda c: c.execute(text(ranked)).all(),
        "PEER a word of none, by LIKE": lambda c: c.execute(like).all(),
        "PEER deepest page, by OFFSET": lambda c: c.execute(
            query.limit(_PAGE).offset(count - 2 * _PAGE)
        ).all(),
    }


def bulk(database: Database) -> Mapping[str, tuple[float, float]]:
    """Return the seconds that actions on 10,000 assets take, and those of their work alone."""
    with database.read() as connection:
        living = select(cards.c.asset).where(cards.c.owner == _OWNER, cards.c.deleted_at.is_(None))
        newest = living.order_by(cards.c.number.desc()).limit(10_000)
        some = list(connection.execute(newest).scalars())
    made = database.write(lambda c: create_collection(c, _OWNER, new_id("col"))).id
    # What a run before this one left.
    database.write(lambda c: unfavourite(c, _OWNER, some))
    database.write(lambda c: untag(c, _OWNER, some, "bench"))
    works: Mapping[str, Look] = {
        "favourite": lambda c: favourite(c, _OWNER, some),
        "tag": lambda c: tag(c, _OWNER, some, "bench"),
        "collect": lambda c: collect(c, _OWNER, some, made),
        "untag": lambda c: untag(c, _OWNER, some, "bench"),
        "undo of that": lambda c: undo(c, _OWNER),
        "trash": lambda c: trash(c, _OWNER, some),
        "restore": lambda c: restore(c, _OWNER, some),
    }
    server = _server(database)
    return {name: _timed(server, partial(database.write, work)) for name, work in works.items()}


def _timed(server: Path | None, work: Callable[[], object]) -> tuple[float, float]:
    """Do some work; return the seconds on the wall, and those that it was at work.

    The second is the time of this process, and of Postgres's where it is on this machine: other
    processes do not count.
    """
    before = time.process_time() + _at_work(server)
    start = time.perf_counter()
    work()
    whole = time.perf_counter() - start
    return whole, time.process_time() + _at_work(server) - before


def milliseconds(database: Database, look: Look) -> tuple[float, float]:
    """Return the 95th of a hundred of the times that one look takes, and of its work alone."""
    tried, server = [], _server(database)
    for _ in range(_TRIES):
        with database.read() as connection:
            tried.append(_timed(server, partial(look, connection)))
    place = int(_TRIES * 0.95) - 1
    whole, work = (sorted(times)[place] * 1000 for times in zip(*tried, strict=True))
    return whole, work


def _server(database: Database) -> Path | None:
    """Return where Linux tells how long Postgres was at work for the only connection."""
    if database.is_sqlite:
        return None
    with database.read() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    told = Path(f"/proc/{pid}/schedstat")
    return told if told.exists() else None


def _at_work(server: Path | None) -> float:
    return int(server.read_text().split()[0]) / 1e9 if server else 0.0


def fill(database: Database, count: int) -> float:
    """File the assets in groups, as settlements do; return how many a second."""
    spent = 0.0
    shelf = database.write(lambda c: create_collection(c, _OWNER, _SHELF)).id
    coming = made(count)
    while group := list(islice(coming, _GROUP)):
        start = time.perf_counter()
        database.write(partial(add_assets, new=group))
        spent += time.perf_counter() - start
        database.write(partial(_tell, group=group))
        database.write(partial(_order, shelf=shelf, group=group))
    return count / spent


def _tell(connection: Connection, group: Sequence[Asset]) -> None:
    """Have three of 300 tags suggested for each asset, as a machine does; a third has the first."""
    identifiers = [each.id for each in group]
    query = select(cards.c.number).where(cards.c.asset.in_(identifiers)).order_by(cards.c.number)
    rows = [
        {
            "number": number,
            "tag": f"tag {tag}",
            "owner": _OWNER,
            "source": "bench",
            "state": "pending",
            "confidence": 150 + number % 850,
            "created_at": _START,
        }
        for number in connection.execute(query).scalars().all()
        for tag in {number // 1_024 % 3, 3 + number // 7_168 % 97, 100 + number // 3_072 % 200}
    ]
    connection.execute(insert(asset_tags), rows)


def _order(connection: Connection, shelf: str, group: Sequence[Asset]) -> None:
    """Make one of 50 a favourite, rate, collect and tag it; put one of 100 into the trash."""
    some = [each.id for each in group[::50]]
    favourite(connection, _OWNER, some)
    rate(connection, _OWNER, some, 4)
    collect(connection, _OWNER, some, shelf)
    tag(connection, _OWNER, some, "for print")
    trash(connection, _OWNER, [each.id for each in group[1::100]])


def settle(database: Database) -> None:
    """Let Postgres count its rows, as its own upkeep does; SQLite has no statistics here."""
    if database.is_sqlite:
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def measure(database: Database, count: int) -> None:
    """Fill the database, look, and show what it took."""
    metadata.create_all(database.engine)
    rate = 0.0
    with database.read() as connection:
        there = count_matches(connection, _OWNER).number
        there += count_matches(connection, _OWNER, Filters(trashed=True)).number
    if there != count:
        rate = fill(database, count)
        settle(database)
    kind = database.url.get_backend_name()
    rows = []
    with database.read() as connection:
        known = [each for each, _ in collections_of(connection, _OWNER)]
    shelf = next(each.id for each in known if each.name == _SHELF)
    for name, look in {**looks(count, shelf), **peers(database, count)}.items():
        whole, work = milliseconds(database, look)
        rows.append({"page": name, "p95 ms": f"{whole:.1f}", "p95 ms of work": f"{work:.1f}"})
    show(f"{count:,} assets on {kind}, filed at {rate:,.0f} a second", rows)
    actions = bulk(database)
    show(
        f"Actions on {min(count, 10_000):,} of them",
        [
            {"action": name, "seconds": f"{whole:.2f}", "seconds of work": f"{work:.2f}"}
            for name, (whole, work) in actions.items()
        ],
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=1_000_000)
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
