"""Collections: nested, an asset in any number of them; a smart one is a search that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from library.card_tables import collections
from studio.errors import NotFound

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


def collection_of(connection: Connection, owner: str, identifier: str) -> Collection:
    """Return a collection of ``owner``.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    query = select(collections).where(collections.c.owner == owner, collections.c.id == identifier)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such collection.", field="collection", given=identifier)
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
