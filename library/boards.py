"""Boards: assets in an order, with a title and a note, that are shown to others by links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from library.assets import check_limit
from library.board_audit import note as note_event
from library.board_items import MOST_ITEMS, put_on, remove_items
from library.board_links import Link
from library.board_tables import (
    board_events,
    board_guests,
    board_items,
    board_links,
    boards,
)
from library.collecting import collection_of
from library.filters import Filters, check_name
from library.search import find_page
from studio import clock
from studio.errors import Conflict, InvalidRequest, NotFound
from studio.ids import new_id

MOST_BOARDS: Final = 1_000
"""Boards of one owner."""

LONGEST_TITLE: Final = 120
LONGEST_NOTE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Board:
    """A board.

    Attributes:
        id: ``brd_`` and 26 characters.
        author: who made it.
        title: one line that guests see.
        note: what guests are told about it; may be empty.
    """

    id: str
    owner: str
    author: str
    title: str
    note: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A board in a list.

    Attributes:
        assets: how many are on it, those in the trash with them.
        links: how many of its links were neither revoked nor have expired.
    """

    board: Board
    assets: int
    links: int


def create_board(
    connection: Connection,
    owner: str,
    title: str = "",
    *,
    note: str = "",
    assets: Sequence[str] = (),
    collection: str = "",
    author: str = "",
) -> Board:
    """Make a board of assets, or of what is in a collection now.

    What comes into the collection later is not on the board: nobody shows anything unawares.

    Args:
        title: one line; that of the collection, if it is empty.
        note: what guests are told.
        assets: in their order; up to 500.
        collection: put behind them, the newest first; also a smart one.
        author: who makes it.

    Raises:
        InvalidRequest: a text is too long, there is no title, or there are too many assets.
        Conflict: there are 1,000 boards already.
        NotFound: an asset or the collection is not there, in the trash, or somebody else's.
    """
    wanted = list(dict.fromkeys(assets))
    if collection:
        title = title or collection_of(connection, owner, collection).name
        wanted = list(dict.fromkeys([*wanted, *_within(connection, owner, collection)]))
    made = _checked(title, note)
    total = select(func.count()).where(boards.c.owner == owner)
    if connection.execute(total).scalar_one() >= MOST_BOARDS:
        raise Conflict(
            f"There are {MOST_BOARDS} boards; delete one first.", field="title", given=made[0]
        )
    moment = clock.now()
    board = Board(new_id("brd"), owner, author or owner, *made, moment, moment)
    connection.execute(
        insert(boards).values({name: getattr(board, name) for name in Board.__slots__})
    )
    note_event(connection, board.id, "created", who=board.author, detail=board.title)
    if wanted:
        put_on(connection, owner, board.id, wanted)
    return board


def _within(connection: Connection, owner: str, collection: str) -> list[str]:
    """Return what is in a collection; one more than a board can have is enough to know."""
    found: list[str] = []
    after = ""
    while len(found) <= MOST_ITEMS:
        page = find_page(
            connection, owner, Filters(collection=collection), limit=MOST_ITEMS, after=after
        )
        found += [each.asset.id for each in page.found]
        after = page.following
        if not after:
            break
    return found


def board_of(connection: Connection, owner: str, identifier: str) -> Board:
    """Return a board of ``owner``.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    columns = [boards.c[name] for name in Board.__slots__]
    query = select(*columns).where(boards.c.owner == owner, boards.c.id == identifier)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such board.", field="board", given=identifier)
    return Board(**row)


def board_behind(connection: Connection, link: Link) -> Board:
    """Return the board of a link that has been found good, whoever's it is.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    columns = [boards.c[name] for name in Board.__slots__]
    row = connection.execute(select(*columns).where(boards.c.id == link.board)).mappings().first()
    if row is None:
        raise NotFound("There is no such board.", field="board", given=link.board)
    return Board(**row)


def boards_of(
    connection: Connection, owner: str, *, limit: int = 100, before: str = ""
) -> list[Listed]:
    """Return the boards of ``owner``, the newest first.

    Args:
        limit: 1 to 500.
        before: those that are older than the board with this id; empty for all.

    Raises:
        InvalidRequest: the limit is out of range.
    """
    check_limit(limit)
    moment = clock.now()
    number = select(func.count()).where(board_items.c.board == boards.c.id).scalar_subquery()
    living = (
        select(func.count())
        .where(
            board_links.c.board == boards.c.id,
            board_links.c.revoked_at.is_(None),
            board_links.c.expires_at > moment,
        )
        .scalar_subquery()
    )
    columns = [boards.c[name] for name in Board.__slots__]
    query = select(*columns, number.label("assets"), living.label("links"))
    query = query.where(boards.c.owner == owner)
    query = query.where(boards.c.id < before) if before else query
    found = []
    for row in connection.execute(query.order_by(boards.c.id.desc()).limit(limit)).mappings():
        values = dict(row)
        counted = values.pop("assets"), values.pop("links")
        found.append(Listed(Board(**values), *counted))
    return found


def change_board(
    connection: Connection,
    owner: str,
    identifier: str,
    *,
    title: str | None = None,
    note: str | None = None,
    author: str = "",
) -> Board:
    """Give a board another title or note; what is not given stays.

    Raises:
        InvalidRequest: a text is too long, or the title is empty.
        NotFound: there is no such board, or it is somebody else's.
    """
    old = board_of(connection, owner, identifier)
    new_title, new_note = _checked(
        old.title if title is None else title, old.note if note is None else note
    )
    new = replace(old, title=new_title, note=new_note, updated_at=clock.now())
    note_event(connection, old.id, "changed", who=author or owner, detail=new.title)
    connection.execute(
        update(boards)
        .where(boards.c.id == old.id)
        .values(title=new.title, note=new.note, updated_at=new.updated_at)
    )
    return new


def remove_board(connection: Connection, owner: str, identifier: str) -> Board:
    """Delete a board with its links, comments, decisions and audit list; the assets stay.

    Raises:
        NotFound: there is no such board, or it is somebody else's.
    """
    old = board_of(connection, owner, identifier)
    # The row is locked first: nobody opens or says anything meanwhile.
    connection.execute(update(boards).where(boards.c.id == old.id).values(noted=boards.c.noted))
    items = select(board_items.c.id).where(board_items.c.board == old.id)
    remove_items(connection, items)
    within = exists().where(board_links.c.id == board_guests.c.link, board_links.c.board == old.id)
    connection.execute(delete(board_guests).where(within))
    for table in (board_links, board_events):
        connection.execute(delete(table).where(table.c.board == old.id))
    connection.execute(delete(boards).where(boards.c.id == old.id))
    return old


def _checked(title: str, note: str) -> tuple[str, str]:
    one_line = " ".join(check_name("title", title, LONGEST_TITLE).split())
    if not one_line:
        raise InvalidRequest(
            "A board needs a title.",
            field="title",
            given=title,
            allowed=f"1 to {LONGEST_TITLE} characters",
        )
    return one_line, check_name("note", note, LONGEST_NOTE)
