"""Filing assets and finding them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, select

from library.card_tables import cards
from library.cards import file_cards
from library.tables import assets, parents
from studio.database import as_row
from studio.database.bulk import insert_records
from studio.errors import InvalidRequest, NotFound

_LARGEST_PAGE = 500
_IN_CLAUSE = 500
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Parent:
    """An asset that another one was made from.

    Attributes:
        field: the operation's field that named it.
        asset: its id.
    """

    field: str
    asset: str


@dataclass(frozen=True, slots=True)
class Asset:
    """An immutable file in the library, with its lineage.

    Attributes:
        id: ``ast_`` and 26 characters; sorts by time.
        owner: whose it is; nobody else finds it.
        name: a file name for people, with its extension.
        sha256: of the bytes; they are in the blob store under it.
        thumbnail: SHA-256 of a small picture of it.
        bytes: the file's size.
        width: pixels; 0 where that makes no sense.
        height: pixels; 0 where that makes no sense.
        operation: what made it; ``import`` when it came from outside.
        request: the operation as it was carried out, every choice made.
        method: how it was made, in words.
        reason: why this provider and model were chosen.
        seed: the seed that was used, where there is one.
        credits: what was captured for it, in micro-credits. A job's first output carries the whole.
        facts: what else is known, JSON values.
        job: the job that made it.
        position: which of that job's outputs it is, from 0.
        run: the flow run or command that asked for it.
        parents: what it was made from.
    """

    id: str
    owner: str
    name: str
    sha256: str
    thumbnail: str
    media_type: str
    bytes: int
    width: int
    height: int
    operation: str
    request: Mapping[str, Any]
    provider: str
    model: str
    method: str
    reason: str
    seed: int | None
    credits: int
    facts: Mapping[str, Any]
    job: str
    position: int
    run: str
    created_at: datetime
    parents: tuple[Parent, ...] = field(default=())


def measure(width: int, height: int, size: int) -> str:
    """Return a file's pixels in words, such as "640 x 480"; its bytes where it has no pixels."""
    if width and height:
        return f"{width} x {height}"
    return f"{size / _MEGABYTE:.1f} MB" if size >= _MEGABYTE else f"{size / 1_000:.1f} kB"


def add_assets(connection: Connection, new: Sequence[Asset]) -> None:
    """File assets with their cards, within the caller's transaction."""
    if not new:
        return
    rows = [as_row(asset) for asset in new]
    for row in rows:
        del row["parents"]
    insert_records(connection, assets, rows)
    edges = [
        {"asset": asset.id, "field": parent.field, "parent": parent.asset}
        for asset in new
        for parent in asset.parents
    ]
    insert_records(connection, parents, edges)
    file_cards(connection, new)


def find_asset(connection: Connection, owner: str, identifier: str) -> Asset:
    """Return one asset of ``owner``.

    Raises:
        NotFound: there is none with that id, or it belongs to somebody else.
    """
    found = find_assets(connection, owner, [identifier])
    if not found:
        raise NotFound("There is no such asset.", field="asset", given=identifier)
    return found[0]


def find_assets(connection: Connection, owner: str, identifiers: Sequence[str]) -> list[Asset]:
    """Return those of the assets that exist and belong to ``owner``, oldest first."""
    found: list[Asset] = []
    for start in range(0, len(identifiers), _IN_CLAUSE):
        some = identifiers[start : start + _IN_CLAUSE]
        gone = select(cards.c.asset).where(
            cards.c.asset == assets.c.id, cards.c.purged_at.is_not(None)
        )
        query = select(assets).where(assets.c.owner == owner, assets.c.id.in_(some), ~gone.exists())
        found += _with_parents(connection, connection.execute(query).mappings().all())
    return sorted(found, key=lambda asset: asset.id)


def assets_by_id(connection: Connection, identifiers: Sequence[str]) -> list[Asset]:
    """Return assets whoever's they are, in the order of their ids; for the library itself."""
    query = select(assets).where(assets.c.id.in_(identifiers)).order_by(assets.c.id)
    return _with_parents(connection, connection.execute(query).mappings().all())


def row_by_link(connection: Connection, identifier: str) -> Row[Any]:
    """Return an asset's row, whoever's it is: for who has a link to its file.

    Raises:
        NotFound: there is none with that id, or it was purged: its file is not lost, it is gone.
    """
    gone = select(cards.c.asset).where(cards.c.asset == assets.c.id, cards.c.purged_at.is_not(None))
    query = select(assets).where(assets.c.id == identifier, ~gone.exists())
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("There is no such asset, or not any more.", field="asset", given=identifier)
    return row


def check_limit(limit: int) -> None:
    """Refuse what is no number of assets on a page.

    Raises:
        InvalidRequest: it is not within 1 and 500.
    """
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidRequest(
            "That is no size of a page.", field="limit", given=limit, allowed="1 to 500"
        )


def _with_parents(connection: Connection, rows: Sequence[RowMapping]) -> list[Asset]:
    """Build assets from rows, fetching all of their parents in one query."""
    edges: dict[str, list[Parent]] = {}
    if rows:
        query = select(parents).where(parents.c.asset.in_([row["id"] for row in rows]))
        for edge in connection.execute(query.order_by(parents.c.field)):
            edges.setdefault(edge.asset, []).append(Parent(edge.field, edge.parent))
    return [Asset(**row, parents=tuple(edges.get(row["id"], ()))) for row in rows]
