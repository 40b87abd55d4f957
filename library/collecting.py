"""Collections: nested, an asset in any number of them; a smart one is a search that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, null, select, update

from library.card_tables import cards, collection_items, collections, counts
from library.filters import COMPLETED, Filters, check_name
from studio import clock
from studio.database import as_row
from studio.errors import Conflict, InvalidRequest, NotFound
from studio.ids import new_id

MOST_COLLECTIONS = 5_000
"""Collections of one owner."""

DEEPEST = 8
"""Collections one within another."""

LONGEST_NAME = 120
LONGEST_DESCRIPTION = 2_000

MOST_WITHIN = 200
"""Collections within another that are looked through with it."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection.

    Attributes:
        id: ``col_`` and 26 characters.
        parent: the id of the one that it is in; empty at the top.
        cover: the id of the asset that stands for it; empty for none.
        query: the filters of a smart collection as JSON values; ``None`` for one that is filled
            by hand.
    """

    id: str
    owner: str
    parent: str
    name: str
    description: str
    cover: str
    query: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime


def collection_of(
    connection: Connection, owner: str, identifier: str, *, field: str = "collection"
) -> Collection:
    """Return a collection of ``owner``.

    Args:
        field: what named it, for the error.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    query = select(collections).where(collections.c.owner == owner, collections.c.id == identifier)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such collection.", field=field, given=identifier)
    return Collection(**row)


def within_collection(connection: Connection, owner: str, identifier: str) -> list[str]:
    """Return the ids of a collection and of those within it that are filled by hand."""
    found, waiting = [identifier], [identifier]
    while waiting and len(found) < MOST_WITHIN:
        query = (
            select(collections.c.id)
            .where(
                collections.c.owner == owner,
                collections.c.parent.in_(waiting),
                collections.c.query.is_(None),
            )
            .order_by(collections.c.name)
            .limit(MOST_WITHIN - len(found))
        )
        waiting = list(connection.execute(query).scalars())
        found += waiting
    return found


def collection_by_hand(
    connection: Connection, owner: str, identifier: str, *, field: str = "collection"
) -> Collection:
    """Return a collection of ``owner`` that is filled by hand.

    Args:
        field: what named it, for the error.

    Raises:
        InvalidRequest: it is a smart one.
        NotFound: there is none with that id, or it is somebody else's.
    """
    found = collection_of(connection, owner, identifier, field=field)
    if found.query is not None:
        raise InvalidRequest(
            "A smart collection is filled by its search.",
            field=field,
            given=identifier,
            allowed="a collection that is filled by hand",
        )
    return found


def collections_of(connection: Connection, owner: str) -> list[tuple[Collection, int]]:
    """Return all collections of ``owner`` by their names, with how many assets are in each.

    Those in the trash are not counted, and nothing of a smart collection is.
    """
    number = func.coalesce(counts.c.count, 0)
    of = (
        (counts.c.owner == owner)
        & (counts.c.facet == "collection")
        & (counts.c.value == collections.c.id)
    )
    query = (
        select(collections, number.label("assets"))
        .outerjoin(counts, of)
        .where(collections.c.owner == owner)
        .order_by(collections.c.name, collections.c.id)
        .limit(MOST_COLLECTIONS)
    )
    found = []
    for row in connection.execute(query).mappings():
        values = dict(row)
        assets = values.pop("assets")
        found.append((Collection(**values), assets))
    return found


def create_collection(
    connection: Connection,
    owner: str,
    name: str,
    *,
    parent: str = "",
    description: str = "",
    filters: Filters | None = None,
) -> Collection:
    """Make a collection: empty, or a smart one that shows what ``filters`` find.

    Raises:
        InvalidRequest: a text is too long or empty, the parent is too deep or a smart one, or there
            are 5,000 already.
        Conflict: there is one of that name in the same place.
        NotFound: the parent is not there, or somebody else's.
    """
    _check_words(name, description)
    _check_search(filters)
    _check_place(connection, owner, "", parent)
    total = select(func.count()).where(collections.c.owner == owner)
    if connection.execute(total).scalar_one() >= MOST_COLLECTIONS:
        raise InvalidRequest(
            "There are too many collections.",
            field="name",
            given=name,
            allowed=f"up to {MOST_COLLECTIONS}",
        )
    moment = clock.now()
    made = Collection(
        id=new_id("col"),
        owner=owner,
        parent=parent,
        name=" ".join(name.split()),
        description=description,
        cover="",
        query=None if filters is None else filters.as_json(),
        created_at=moment,
        updated_at=moment,
    )
    _check_name(connection, made)
    connection.execute(insert(collections).values(**_row(made)))
    return made


def change_collection(
    connection: Connection,
    owner: str,
    identifier: str,
    *,
    name: str | None = None,
    parent: str | None = None,
    description: str | None = None,
    cover: str | None = None,
    filters: Filters | None = None,
) -> Collection:
    """Change what is given of a collection; the rest stays.

    Raises:
        InvalidRequest: as ``create_collection``; it would be within itself; or filters are given
            for one that is filled by hand.
        Conflict: there is one of that name in the same place.
        NotFound: it, the parent or the cover is not there, or somebody else's.
    """
    old = collection_of(connection, owner, identifier)
    if filters is not None and old.query is None:
        raise InvalidRequest(
            "This collection is filled by hand.", field="query", allowed="a smart collection"
        )
    if cover:
        known = select(cards.c.number).where(
            cards.c.owner == owner, cards.c.asset == cover, cards.c.purged_at.is_(None)
        )
        if connection.execute(known).first() is None:
            raise NotFound("There is no such asset.", field="cover", given=cover)
    new = replace(
        old,
        name=old.name if name is None else " ".join(name.split()),
        parent=old.parent if parent is None else parent,
        description=old.description if description is None else description,
        cover=old.cover if cover is None else cover,
        query=old.query if filters is None else filters.as_json(),
        updated_at=clock.now(),
    )
    _check_words(new.name, new.description)
    _check_search(filters)
    _check_place(connection, owner, old.id, new.parent)
    _check_name(connection, new)
    changed = update(collections).where(collections.c.id == old.id)
    connection.execute(changed.values(**_row(new)))
    return new


def remove_collection(connection: Connection, owner: str, identifier: str) -> Collection:
    """Remove a collection; the assets in it stay, and what is within it moves up to its place.

    Raises:
        Conflict: one within it has the name of one beside it.
        NotFound: there is no such collection, or it is somebody else's.
    """
    old = collection_of(connection, owner, identifier)
    within = collections.c.parent == old.id
    for row in connection.execute(select(collections).where(within)).mappings().all():
        _check_name(connection, replace(Collection(**row), parent=old.parent))
    connection.execute(update(collections).where(within).values(parent=old.parent))
    connection.execute(delete(collection_items).where(collection_items.c.collection == old.id))
    connection.execute(
        delete(counts).where(
            counts.c.owner == owner, counts.c.facet == "collection", counts.c.value == old.id
        )
    )
    # Its mark stays in the words of its assets: no other collection ever has the same.
    connection.execute(delete(collections).where(collections.c.id == old.id))
    return old


def _row(collection: Collection) -> dict[str, Any]:
    return {**as_row(collection), "query": null() if collection.query is None else collection.query}


def _check_words(name: str, description: str) -> None:
    check_name("description", description, LONGEST_DESCRIPTION)
    if not check_name("name", name, LONGEST_NAME).strip():
        raise InvalidRequest("A collection needs a name.", field="name", given=name)


def _check_search(filters: Filters | None) -> None:
    """Refuse a smart collection of what is no asset yet."""
    if filters is not None and filters.status not in {"", COMPLETED}:
        raise InvalidRequest(
            "A collection holds assets: what has ended well.",
            field="status",
            given=filters.status,
            allowed=COMPLETED,
        )


def _check_name(connection: Connection, wanted: Collection) -> None:
    query = select(collections.c.id).where(
        collections.c.owner == wanted.owner,
        collections.c.parent == wanted.parent,
        collections.c.name == wanted.name,
        collections.c.id != wanted.id,
    )
    if connection.execute(query).first() is not None:
        raise Conflict(
            "There is a collection of that name in the same place.",
            field="name",
            given=wanted.name,
        )


def _check_place(connection: Connection, owner: str, identifier: str, parent: str) -> None:
    """Refuse a place that is not there, too deep, or within the collection itself."""
    depth, above = 1 + _height(connection, identifier), parent
    while above:
        found = collection_by_hand(connection, owner, above)
        if found.id == identifier or depth >= DEEPEST:
            raise InvalidRequest(
                "A collection cannot be there.",
                field="parent",
                given=parent,
                allowed=f"one that is not within it, and up to {DEEPEST} one within another",
            )
        depth, above = depth + 1, found.parent


def _height(connection: Connection, identifier: str) -> int:
    """Return how many collections are one within another below this one."""
    height, waiting = 0, [identifier] if identifier else []
    while waiting and height < DEEPEST:
        query = select(collections.c.id).where(collections.c.parent.in_(waiting))
        waiting = list(connection.execute(query).scalars())
        height += bool(waiting)
    return height
