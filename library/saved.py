"""Searches under names, to be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from library.card_tables import saved_searches
from library.filters import Filters, check_name, filters_of
from library.sorting import RANKED, sort_named
from studio import clock
from studio.errors import InvalidRequest, NotFound

MOST_SAVED = 500
"""Saved searches of one owner."""

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under a name.

    Attributes:
        filters: what is asked for, as JSON values.
        sort: in which order.
    """

    name: str
    filters: Mapping[str, Any]
    sort: str
    updated_at: datetime


def save_search(
    connection: Connection, owner: str, name: str, filters: Filters, sort: str = "newest"
) -> SavedSearch:
    """Keep a search, in the place of one that has its name.

    Raises:
        InvalidRequest: the name is empty or too long, there is no such order, or ``owner`` has 500
            and this is a new one.
    """
    name = " ".join(check_name("name", name, _LONGEST).split())
    if not name:
        raise InvalidRequest("A search needs a name.", field="name", given=name)
    if sort != RANKED:
        sort_named(sort)
    others = select(func.count()).where(
        saved_searches.c.owner == owner, saved_searches.c.name != name
    )
    if connection.execute(others).scalar_one() >= MOST_SAVED:
        raise InvalidRequest(
            "There are too many saved searches.",
            field="name",
            given=name,
            allowed=f"up to {MOST_SAVED}; `studio library saved remove` makes room",
        )
    moment = clock.now()
    query = {"filters": filters.as_json(), "sort": sort}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(saved_searches).values(
        owner=owner, name=name, query=query, created_at=moment, updated_at=moment
    )
    values = {"query": query, "updated_at": moment}
    connection.execute(row.on_conflict_do_update(index_elements=["owner", "name"], set_=values))
    return SavedSearch(name, query["filters"], sort, moment)  # type: ignore[arg-type]


def saved_of(connection: Connection, owner: str) -> list[SavedSearch]:
    """Return the saved searches of ``owner`` by their names, at most 500."""
    query = select(saved_searches).where(saved_searches.c.owner == owner)
    rows = connection.execute(query.order_by(saved_searches.c.name).limit(MOST_SAVED))
    return [
        SavedSearch(row.name, row.query["filters"], row.query["sort"], row.updated_at)
        for row in rows
    ]


def find_saved(connection: Connection, owner: str, name: str) -> tuple[Filters, str]:
    """Return the filters and the order of a saved search.

    Raises:
        NotFound: there is none of that name, or it is somebody else's.
    """
    query = select(saved_searches.c.query).where(
        saved_searches.c.owner == owner, saved_searches.c.name == name
    )
    kept = connection.execute(query).scalar()
    if kept is None:
        raise _unknown(name)
    return filters_of(kept["filters"]), kept["sort"]


def remove_saved(connection: Connection, owner: str, name: str) -> None:
    """Forget a saved search.

    Raises:
        NotFound: there is none of that name, or it is somebody else's.
    """
    gone = delete(saved_searches).where(
        saved_searches.c.owner == owner, saved_searches.c.name == name
    )
    if connection.execute(gone).rowcount == 0:
        raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(
        "There is no such saved search.",
        field="name",
        given=name,
        allowed="one of yours: `studio library saved list`",
    )
