"""Emptying the trash for good, and telling whether cards, words and counts agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from library.board_items import forget_items
from library.card_tables import (
    asset_tags,
    backlog,
    bulk_items,
    cards,
    collection_items,
    collections,
    counts,
    hashes,
    words,
)
from library.cards import COUNTED, Counted, count
from library.tables import asset_looks, assets, current_versions, leaving_files, parents
from studio import clock

MOST_PURGED = 500
"""Assets purged in one transaction."""

_GONE = "deleted"


class Purged(NamedTuple):
    """What left the library for good: the assets by their ids, and the bytes that count no more."""

    assets: list[str]
    bytes: int


def purge(connection: Connection, before: datetime, *, of: str = "") -> Purged:
    """Take what has been in the trash since before a moment out of the library, for good.

    What something was made from that is still there is left: its lineage needs it. Of the asset its
    id, its lineage and the hash of its file remain; its request, its name and all that people and
    machines said of it are gone, and it is the cover of no collection any more.

    Args:
        connection: a transaction that writes.
        before: put into the trash before this moment.
        of: the owner whose trash it is; everybody's, if not given.

    Returns:
        What it was, up to 500 assets at once. Their files are noted down as leaving.
    """
    children = cards.alias("children")
    needed = (
        select(parents.c.asset)
        .join(children, children.c.asset == parents.c.asset)
        # A text that told of a picture needs it no more: else no tagged one would ever go.
        .where(
            parents.c.parent == cards.c.asset,
            children.c.purged_at.is_(None),
            children.c.kind != "text",
        )
        .exists()
    )
    query = (
        select(cards.c.number, cards.c.owner, cards.c.asset, cards.c.bytes)
        .where(cards.c.deleted_at < before, cards.c.purged_at.is_(None), ~needed)
        .order_by(cards.c.deleted_at)
        .limit(MOST_PURGED)
    )
    if of:
        query = query.where(cards.c.owner == of)
    rows = connection.execute(query).all()
    if not rows:
        return Purged([], 0)
    numbers = [row.number for row in rows]
    names = [row.asset for row in rows]
    forget_items(connection, numbers)
    for table in (words, hashes, asset_tags, collection_items, bulk_items):
        connection.execute(delete(table).where(table.c.number.in_(numbers)))
    _forget_said(connection, {row.owner for row in rows}, names)
    connection.execute(
        update(cards)
        .where(cards.c.number.in_(numbers))
        .values(purged_at=clock.now(), title="", notes="", label=_GONE, phash=None, colours="")
    )
    files = connection.execute(
        select(assets.c.sha256, assets.c.thumbnail).where(assets.c.id.in_(names))
    ).all()
    connection.execute(
        update(assets).where(assets.c.id.in_(names)).values(request={}, facts={}, name=_GONE)
    )
    # The same file may be brought in again: it is then a new asset.
    imported = assets.c.id.in_(names) & (assets.c.operation == "import")
    renamed = assets.c.job + "/" + assets.c.id
    connection.execute(update(assets).where(imported).values(job=renamed))
    changes: Counter[Counted] = Counter()
    for row in rows:
        changes[row.owner, "trash", ""] -= 1
        changes[row.owner, "bytes", ""] -= row.bytes
    count(connection, changes)
    note_leaving(connection, {digest for row in files for digest in row})
    return Purged(names, sum(row.bytes for row in rows))


def _forget_said(connection: Connection, owners: Collection[str], names: Sequence[str]) -> None:
    """Forget what machines told of assets, that one of them counts, and that it is a cover."""
    connection.execute(delete(asset_looks).where(asset_looks.c.asset.in_(names)))
    # By their owners: of one owner there are few, of all of them no index knows the assets.
    chosen = (current_versions.c.owner.in_(owners), current_versions.c.asset.in_(names))
    connection.execute(delete(current_versions).where(*chosen))
    covered = (collections.c.owner.in_(owners), collections.c.cover.in_(names))
    connection.execute(update(collections).where(*covered).values(cover=""))


def note_leaving(connection: Connection, digests: Iterable[str]) -> None:
    """Note down files that may be needed no more, to be looked at as soon as may be."""
    moment = clock.now()
    rows = [{"digest": each, "due": moment} for each in sorted(set(digests))]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        row = dialect.insert(leaving_files)
        again = {"due": row.excluded.due}
        connection.execute(row.on_conflict_do_update(index_elements=["digest"], set_=again), rows)


def leaving(connection: Connection, limit: int) -> dict[str, datetime]:
    """Return files that are to be looked at, with the moments that stand beside them."""
    query = (
        select(leaving_files.c.digest, leaving_files.c.due)
        .where(leaving_files.c.due <= clock.now())
        .order_by(leaving_files.c.due, leaving_files.c.digest)
        .limit(limit)
    )
    return dict(connection.execute(query).tuples().all())


def look_later(connection: Connection, looked: Mapping[str, datetime], due: datetime) -> None:
    """Have files looked at again, unless they were noted down anew meanwhile."""
    for digest, was in sorted(looked.items()):
        mine = (leaving_files.c.digest == digest, leaving_files.c.due == was)
        connection.execute(update(leaving_files).where(*mine).values(due=due))


def forget_leaving(connection: Connection, looked: Mapping[str, datetime]) -> None:
    """Look at files no more, unless they were noted down anew meanwhile."""
    for digest, was in sorted(looked.items()):
        mine = (leaving_files.c.digest == digest, leaving_files.c.due == was)
        connection.execute(delete(leaving_files).where(*mine))


def files_in_use(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Yield an id, its file's hash and its thumbnail's, of every asset that was not purged."""
    gone = select(cards.c.asset).where(cards.c.purged_at.is_not(None))
    query = select(assets.c.id, assets.c.sha256, assets.c.thumbnail).where(assets.c.id.not_in(gone))
    rows = connection.execution_options(yield_per=1_000).execute(query)
    for row in rows:
        yield row.id, row.sha256, row.thumbnail


def disagreements(connection: Connection) -> list[str]:
    """Return in words where cards, words and counts do not agree; nothing where they do."""
    return [*_without_cards(connection), *_without_words(connection), *_miscounted(connection)]


def _without_cards(connection: Connection) -> Iterable[str]:
    has = select(cards.c.asset).where(cards.c.asset == assets.c.id).exists()
    waits = select(backlog.c.asset).where(backlog.c.asset == assets.c.id).exists()
    query = select(assets.c.id).where(~has, ~waits).limit(100)
    return [f"{each} has no card" for each in connection.execute(query).scalars()]


def _without_words(connection: Connection) -> Iterable[str]:
    has = select(words.c.number).where(words.c.number == cards.c.number).exists()
    query = select(cards.c.asset).where(~has, cards.c.purged_at.is_(None)).limit(100)
    return [f"{each} has no words" for each in connection.execute(query).scalars()]


def _miscounted(connection: Connection) -> Iterable[str]:
    living = cards.c.deleted_at.is_(None)
    right: dict[Counted, int] = {}
    number = func.count()
    owner = cards.c.owner
    for row in connection.execute(select(owner, number).where(living).group_by(owner)):
        right[row[0], "live", ""] = row[1]
    loved = (living, cards.c.favourite_at.is_not(None))
    for row in connection.execute(select(owner, number).where(*loved).group_by(owner)):
        right[row[0], "favourite", ""] = row[1]
    kept = cards.c.purged_at.is_(None)
    trashed = (~living, kept)
    for row in connection.execute(select(owner, number).where(*trashed).group_by(owner)):
        right[row[0], "trash", ""] = row[1]
    total = select(owner, func.sum(cards.c.bytes)).where(kept).group_by(owner)
    for row in connection.execute(total):
        right[row[0], "bytes", ""] = int(row[1])
    for name in COUNTED:
        column = cards.c[name]
        query = select(owner, column, number).where(living).group_by(owner, column)
        right |= {(row[0], name, row[1]): row[2] for row in connection.execute(query) if row[1]}
    tagged = (
        select(owner, asset_tags.c.tag, number)
        .join(asset_tags, asset_tags.c.number == cards.c.number)
        .where(living, asset_tags.c.state == "accepted")
        .group_by(owner, asset_tags.c.tag)
    )
    right |= {(row[0], "tag", row[1]): row[2] for row in connection.execute(tagged)}
    within = collection_items.c.collection
    collected = (
        select(owner, within, number)
        .join(collection_items, collection_items.c.number == cards.c.number)
        .where(living)
        .group_by(owner, within)
    )
    right |= {(row[0], "collection", row[1]): row[2] for row in connection.execute(collected)}
    told = {
        (row[0], row[1], row[2]): row[3] for row in connection.execute(select(counts)) if row[3]
    }
    wrong = sorted(key for key in told.keys() | right.keys() if told.get(key) != right.get(key))
    return [
        f"{facet} {value} of {owner} is counted as {told.get((owner, facet, value), 0)}, "
        f"and there are {right.get((owner, facet, value), 0)}"
        for owner, facet, value in wrong
    ]
