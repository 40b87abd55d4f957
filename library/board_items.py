"""What is on a board: assets in an order. What is in the trash is not shown, and comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from library.assets import Asset
from library.board_audit import check_board, note
from library.board_tables import (
    board_comments,
    board_decisions,
    board_items,
)
from library.card_tables import cards
from library.tables import assets
from library.trash import choose_living
from studio.errors import InvalidRequest, NotFound
from studio.ids import new_id

MOST_ITEMS: Final = 500
"""Assets on one board: they are one page."""

_IN_CLAUSE = 500
_PLACE = (
    update(board_items)
    .where(board_items.c.id == bindparam("key"))
    .values(position=bindparam("place"))
)


@dataclass(frozen=True, slots=True)
class Item:
    """An asset on a board.

    Attributes:
        id: ``itm_`` and 26 characters; the same asset on another board has another one.
        position: its place, from 0; some may be missing in between.
        title: what its owner called it; may be empty.
        asset: without its parents.
    """

    id: str
    position: int
    title: str
    asset: Asset


def items_of(connection: Connection, owner: str, board: str) -> list[Item]:
    """Return what is on a board in its order, without what is in the trash.

    Raises:
        NotFound: there is no such board, or it is somebody else's.
    """
    check_board(connection, owner, board)
    return items_on(connection, board)


def items_on(connection: Connection, board: str, item: str = "") -> list[Item]:
    """Return what is on a board, whoever's it is: for one whose link has been found good.

    Args:
        board: its id.
        item: that one alone; empty for all.
    """
    query = (
        select(
            assets,
            board_items.c.id.label("item"),
            board_items.c.position.label("place"),
            cards.c.title,
        )
        .join(cards, cards.c.number == board_items.c.number)
        .join(assets, assets.c.id == cards.c.asset)
        .where(
            board_items.c.board == board,
            cards.c.deleted_at.is_(None),
            cards.c.purged_at.is_(None),
        )
        .order_by(board_items.c.position, board_items.c.id)
    )
    query = query.where(board_items.c.id == item) if item else query
    found = []
    for row in connection.execute(query.limit(MOST_ITEMS)).mappings():
        values = dict(row)
        identity, place, title = (values.pop(name) for name in ("item", "place", "title"))
        found.append(Item(identity, place, title, Asset(**values)))
    return found


def put_items(
    connection: Connection, owner: str, board: str, identifiers: Sequence[str], *, author: str = ""
) -> int:
    """Put assets on a board, behind those that are there; return how many are new on it.

    Raises:
        InvalidRequest: they are none, or more than a board can have.
        NotFound: the board or one of them is not there, or somebody else's; nothing is changed.
    """
    check_board(connection, owner, board)
    note(connection, board, "added", who=author or owner, detail=_number(identifiers))
    return put_on(connection, owner, board, identifiers)


def put_on(connection: Connection, owner: str, board: str, identifiers: Sequence[str]) -> int:
    """Put assets on a board that the caller has found and locked; raises as ``put_items``."""
    wanted = list(dict.fromkeys(identifiers))
    _check_number(wanted)
    there = choose_living(connection, owner, wanted)
    missing = next((each for each in wanted if each not in set(there)), None)
    if missing is not None:
        raise NotFound(
            "There is no such asset.",
            field="asset",
            given=missing,
            allowed="an asset of yours, not in the trash (`studio library restore` brings it back)",
        )
    numbers = _numbers(connection, wanted)
    known = select(board_items.c.number, board_items.c.position).where(board_items.c.board == board)
    had = dict(connection.execute(known).tuples().all())
    new = [number for each in wanted if (number := numbers[each]) not in had]
    if len(had) + len(new) > MOST_ITEMS:
        raise InvalidRequest(
            "That is too much for one board.",
            field="assets",
            given=len(had) + len(new),
            allowed=f"at most {MOST_ITEMS}",
        )
    place = max(had.values(), default=-1) + 1
    rows = [
        {"id": new_id("itm"), "board": board, "number": number, "position": position}
        for position, number in enumerate(new, place)
    ]
    if rows:
        connection.execute(insert(board_items), rows)
    return len(rows)


def take_items(
    connection: Connection, owner: str, board: str, identifiers: Sequence[str], *, author: str = ""
) -> int:
    """Take assets off a board, with what guests said of them; return how many were on it.

    Raises:
        InvalidRequest: they are none, or too many.
        NotFound: there is no such board, or one of them is not on it; nothing is changed.
    """
    check_board(connection, owner, board)
    wanted = list(dict.fromkeys(identifiers))
    _check_number(wanted)
    note(connection, board, "removed", who=author or owner, detail=_number(wanted))
    on_it = _on(connection, board, wanted)
    remove_items(connection, on_it.values())
    return len(on_it)


def arrange_items(
    connection: Connection, owner: str, board: str, identifiers: Sequence[str], *, author: str = ""
) -> None:
    """Put assets of a board first, in this order; the others follow as they were.

    Raises:
        InvalidRequest: they are none, or too many.
        NotFound: there is no such board, or one of them is not on it; nothing is changed.
    """
    check_board(connection, owner, board)
    wanted = list(dict.fromkeys(identifiers))
    _check_number(wanted)
    note(connection, board, "changed", who=author or owner, detail="order")
    first = list(_on(connection, board, wanted).values())
    query = select(board_items.c.id).where(board_items.c.board == board)
    query = query.order_by(board_items.c.position, board_items.c.id)
    others = [each for each in connection.execute(query).scalars() if each not in set(first)]
    places = [{"key": each, "place": place} for place, each in enumerate([*first, *others])]
    connection.execute(_PLACE, places)


def forget_items(connection: Connection, numbers: Sequence[int]) -> None:
    """Take assets that are purged off every board."""
    remove_items(connection, select(board_items.c.id).where(board_items.c.number.in_(numbers)))


def remove_items(connection: Connection, items: Select[Any] | Iterable[str]) -> None:
    """Remove items with what was said of them: those of a query, or up to 500 ids."""
    which = items if isinstance(items, Select) else list(items)
    for table in (board_comments, board_decisions):
        connection.execute(delete(table).where(table.c.item.in_(which)))
    connection.execute(delete(board_items).where(board_items.c.id.in_(which)))


def _on(connection: Connection, board: str, wanted: Sequence[str]) -> dict[str, str]:
    """Return the items of assets on a board, in their order; those in the trash are there."""
    query = (
        select(cards.c.asset, board_items.c.id)
        .join(cards, cards.c.number == board_items.c.number)
        .where(board_items.c.board == board, cards.c.asset.in_(wanted))
    )
    known = dict(connection.execute(query).tuples().all())
    missing = next((each for each in wanted if each not in known), None)
    if missing is not None:
        raise NotFound("That asset is not on the board.", field="asset", given=missing)
    return {each: known[each] for each in wanted}


def _numbers(connection: Connection, wanted: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _IN_CLAUSE):
        some = wanted[start : start + _IN_CLAUSE]
        query = select(cards.c.asset, cards.c.number).where(cards.c.asset.in_(some))
        found |= dict(connection.execute(query).tuples().all())
    return found


def _check_number(wanted: Sequence[str]) -> None:
    if not 1 <= len(wanted) <= MOST_ITEMS:
        raise InvalidRequest(
            "That is no number of assets for a board.",
            field="assets",
            given=len(wanted),
            allowed=f"1 to {MOST_ITEMS}",
        )


def _number(identifiers: Sequence[str]) -> str:
    return f"{len(set(identifiers))} asset{'' if len(set(identifiers)) == 1 else 's'}"
