"""The audit list of a board: who did what with it, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Connection, delete, insert, select, update

from library.assets import check_limit
from library.board_tables import board_events, boards
from studio import clock
from studio.errors import NotFound

What = Literal[
    "created",
    "changed",
    "added",
    "removed",
    "linked",
    "opened",
    "wrong_password",
    "guessing_stopped",
    "downloaded",
    "commented",
    "comment_removed",
    "decided",
    "revoked",
]
WHATS: Final[tuple[str, ...]] = get_args(What)

MOST_EVENTS: Final = 10_000
"""Entries that are kept of one board, the newest."""

_CLEARED_EVERY = 100


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done with a board.

    Attributes:
        number: its place in the list, from 1.
        who: a user of the workspace, or the name that a guest gave; empty where none did.
        link: the id of the link that it was done by; empty for the workspace's own doing.
        detail: what about it, in words; empty for nothing.
    """

    number: int
    at: datetime
    what: str
    who: str
    link: str
    detail: str


def check_board(connection: Connection, owner: str, board: str) -> None:
    """Let pass who asks for a board of ``owner``.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    known = select(boards.c.id).where(boards.c.owner == owner, boards.c.id == board)
    if connection.execute(known).first() is None:
        raise NotFound("There is no such board.", field="board", given=board)


def note(
    connection: Connection,
    board: str,
    what: What,
    *,
    who: str,
    link: str = "",
    detail: str = "",
) -> None:
    """Write something down, within the transaction of what is told.

    The board's row is locked by it until then: what is counted of a board after this, nobody else
    adds to meanwhile.

    Raises:
        NotFound: the board was removed meanwhile.
    """
    counted = (
        update(boards)
        .where(boards.c.id == board)
        .values(noted=boards.c.noted + 1)
        .returning(boards.c.noted)
    )
    number = connection.execute(counted).scalar()
    if number is None:
        raise NotFound("There is no such board.", field="board", given=board)
    connection.execute(
        insert(board_events).values(
            board=board,
            number=number,
            at=clock.now(),
            what=what,
            who=who,
            link=link,
            detail=detail,
        )
    )
    if number % _CLEARED_EVERY == 0:
        old = board_events.c.number <= number - MOST_EVENTS
        connection.execute(delete(board_events).where(board_events.c.board == board, old))


def events_of(
    connection: Connection, owner: str, board: str, *, limit: int = 100, before: int = 0
) -> list[Event]:
    """Return what was done with a board, the newest first.

    Args:
        limit: 1 to 500.
        before: entries with smaller numbers alone; 0 for all.

    Raises:
        InvalidRequest: the limit is out of range.
        NotFound: there is no such board, or it is somebody else's.
    """
    check_limit(limit)
    check_board(connection, owner, board)
    it = board_events.c
    query = select(it.number, it.at, it.what, it.who, it.link, it.detail).where(it.board == board)
    query = query.where(it.number < before) if before else query
    rows = connection.execute(query.order_by(it.number.desc()).limit(limit))
    return [Event(**row) for row in rows.mappings()]
