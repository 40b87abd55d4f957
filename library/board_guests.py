"""Guests of a board: they have opened a link, have no account, and say something of assets.

A guest is a browser, known by a secret of its own, and called what it calls itself: nobody has
checked the name. Guests see what those say who have the same link; the owner sees everything.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from library.assets import check_limit
from library.board_audit import What, check_board, note
from library.board_items import items_on
from library.board_links import Link, count_view, digest_of, link_now
from library.board_tables import (
    board_comments,
    board_decisions,
    board_guests,
    board_items,
)
from library.card_tables import cards
from library.filters import check_name
from studio import clock
from studio.errors import Conflict, InvalidRequest, NotFound
from studio.ids import new_id

VISIT: Final = timedelta(hours=12)
"""For how long an opening lasts: who comes back within it opens nothing anew."""

LONGEST_NAME: Final = 60
LONGEST_COMMENT: Final = 2_000
MOST_COMMENTS: Final = 5_000
"""Comments on one board."""
MOST_COMMENTS_OF_ONE: Final = 100
"""Comments of one guest."""
MOST_DECISIONS: Final = 20_000
"""Decisions on one board."""

Decision = Literal["approved", "rejected"]

_SECRET_BYTES = 32
_KEPT = "\n\u200d"
"""Beside what can be printed: ends of lines, and what joins the parts of an emoji."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser that has opened a link.

    Attributes:
        name: what it calls itself; empty as long as it has said nothing.
        until: when its visit ends.
    """

    id: str
    link: str
    name: str
    opened_at: datetime
    until: datetime

    @property
    def visits(self) -> bool:
        """Whether it still sees the board without opening the link anew."""
        return clock.now() < self.until


@dataclass(frozen=True, slots=True)
class Visit:
    """A guest at a link that has been found good."""

    link: Link
    guest: Guest


@dataclass(frozen=True, slots=True)
class Comment:
    """What a guest wrote.

    Attributes:
        item: what it is about, as the board knows it.
        asset: the same, as the library knows it.
        name: what the guest called itself then.
    """

    id: str
    board: str
    item: str
    asset: str
    link: str
    name: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """What a guest decided about an asset."""

    item: str
    asset: str
    link: str
    guest: str
    name: str
    decision: str
    decided_at: datetime


def open_link(connection: Connection, link: Link, secret: str = "") -> tuple[Guest, str, int]:
    """Open a link; return the guest, its secret, and which opening of the link this is, from 1.

    Args:
        link: one that has been found good, its password given.
        secret: of a guest whose visit is over; another one is made up for a new guest.

    Raises:
        NotFound: it counts no more, or no opening is left. Nothing is changed.
    """
    moment = clock.now()
    known = guest_of(connection, link.id, secret)
    note(connection, link.board, "opened", who=known.name if known else "", link=link.id)
    number = count_view(connection, link)
    if not number:
        raise no_board()
    if known is not None:
        change = update(board_guests).where(board_guests.c.id == known.id)
        connection.execute(change.values(until=moment + VISIT))
        return Guest(known.id, link.id, known.name, known.opened_at, moment + VISIT), secret, number
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    guest = Guest(new_id("gst"), link.id, "", moment, moment + VISIT)
    row = {name: getattr(guest, name) for name in Guest.__slots__}
    connection.execute(insert(board_guests).values(**row, digest=digest_of(secret)))
    return guest, secret, number


def guest_of(connection: Connection, link: str, secret: str) -> Guest | None:
    """Return the guest of a link that a secret is of, also one whose visit is over."""
    if not secret:
        return None
    columns = [board_guests.c[name] for name in Guest.__slots__]
    query = select(*columns).where(
        board_guests.c.link == link, board_guests.c.digest == digest_of(secret)
    )
    row = connection.execute(query).mappings().first()
    return Guest(**row) if row is not None else None


def say(connection: Connection, visit: Visit, item: str, name: str, text: str) -> str:
    """Write a comment down; return its id.

    Args:
        item: what it is about; it must be on the link's board, and not in the trash.
        name: what the guest calls itself.

    Raises:
        InvalidRequest: name or text are empty or too long.
        Conflict: there are too many, of this guest or on this board.
        NotFound: the link counts no more or lets nobody comment, or there is no such item.
    """
    link, guest = visit.link, visit.guest
    name = _name(name)
    words = _words(text)
    _begin(connection, link, item, ("commented", name))
    of_one = select(func.count()).where(board_comments.c.guest == guest.id)
    on_board = select(func.count()).where(board_comments.c.board == link.board)
    if connection.execute(of_one).scalar_one() >= MOST_COMMENTS_OF_ONE:
        raise _full("You have written as many comments as one can here.", MOST_COMMENTS_OF_ONE)
    if connection.execute(on_board).scalar_one() >= MOST_COMMENTS:
        raise _full("This board has as many comments as it can.", MOST_COMMENTS)
    _call(connection, guest, name)
    identity = new_id("cmt")
    connection.execute(
        insert(board_comments).values(
            id=identity,
            board=link.board,
            item=item,
            guest=guest.id,
            name=name,
            text=words,
            created_at=clock.now(),
        )
    )
    return identity


def decide(
    connection: Connection, visit: Visit, item: str, name: str, decision: Decision | None
) -> bool:
    """Approve or reject an asset, or take that back (``None``); return whether that is new.

    Raises as ``say`` does.
    """
    link, guest = visit.link, visit.guest
    name = _name(name)
    mine = (board_decisions.c.item == item, board_decisions.c.guest == guest.id)
    before = connection.execute(select(board_decisions.c.decision).where(*mine)).scalar()
    if before == decision:
        _check(connection, link, item)
        return False
    _begin(connection, link, item, ("decided", name), decision or "taken back")
    _call(connection, guest, name)
    if decision is None:
        connection.execute(delete(board_decisions).where(*mine))
        return True
    total = select(func.count()).where(board_decisions.c.board == link.board)
    if before is None and connection.execute(total).scalar_one() >= MOST_DECISIONS:
        raise _full("This board has as many decisions as it can.", MOST_DECISIONS)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = {"name": name, "decision": decision, "decided_at": clock.now()}
    row = dialect.insert(board_decisions).values(item=item, guest=guest.id, board=link.board, **new)
    connection.execute(row.on_conflict_do_update(index_elements=["item", "guest"], set_=new))
    return True


def comments_of(
    connection: Connection, owner: str, board: str, *, limit: int = 100, before: str = ""
) -> list[Comment]:
    """Return what guests wrote on a board, the newest first, whatever their link.

    Args:
        limit: 1 to 500.
        before: those before the comment with this id; empty for all.

    Raises:
        InvalidRequest: the limit is out of range.
        NotFound: there is no such board, or it is somebody else's.
    """
    check_limit(limit)
    check_board(connection, owner, board)
    query = _comments().where(board_comments.c.board == board)
    query = query.where(board_comments.c.id < before) if before else query
    rows = connection.execute(query.order_by(board_comments.c.id.desc()).limit(limit)).mappings()
    return [Comment(**row) for row in rows]


def comments_by(connection: Connection, link: Link, item: str = "") -> list[Comment]:
    """Return what guests of a link wrote, the oldest first; of one item, or of all."""
    query = _comments().where(board_guests.c.link == link.id)
    query = query.where(board_comments.c.item == item) if item else query
    rows = connection.execute(query.order_by(board_comments.c.id).limit(MOST_COMMENTS)).mappings()
    return [Comment(**row) for row in rows]


def decisions_of(connection: Connection, owner: str, board: str) -> list[Decided]:
    """Return what guests decided about the assets of a board, the oldest first.

    Raises:
        NotFound: there is no such board, or it is somebody else's.
    """
    check_board(connection, owner, board)
    return _decided(connection, _decisions().where(board_decisions.c.board == board))


def decisions_by(connection: Connection, link: Link) -> list[Decided]:
    """Return what guests of a link decided, the oldest first."""
    return _decided(connection, _decisions().where(board_guests.c.link == link.id))


def remove_comment(
    connection: Connection, owner: str, board: str, identifier: str, *, author: str = ""
) -> None:
    """Remove a comment from a board.

    Raises:
        NotFound: the board is not there or somebody else's, or has no such comment.
    """
    check_board(connection, owner, board)
    mine = (board_comments.c.board == board, board_comments.c.id == identifier)
    name = connection.execute(select(board_comments.c.name).where(*mine)).scalar()
    if name is None:
        raise NotFound("There is no such comment.", field="comment", given=identifier)
    note(connection, board, "comment_removed", who=author or owner, detail=f"by {name}")
    connection.execute(delete(board_comments).where(*mine))


def no_board() -> NotFound:
    """Return what is said of every link that shows nothing, whatever the reason."""
    return NotFound("There is no board behind this link, or not any more.", field="link")


def _begin(
    connection: Connection, link: Link, item: str, deed: tuple[What, str], detail: str = ""
) -> None:
    """Write down what a guest does, which locks the board, and see that it may.

    What is refused is not written down: the transaction is not committed.
    """
    about = _asset_of(connection, link, item)
    words = f"{about}: {detail}" if detail else about
    note(connection, link.board, deed[0], who=deed[1], link=link.id, detail=words)
    _check(connection, link, item)


def _check(connection: Connection, link: Link, item: str) -> None:
    now = link_now(connection, link.id)
    if now is None or not now.may_comment:
        raise no_board()
    _asset_of(connection, link, item)


def _asset_of(connection: Connection, link: Link, item: str) -> str:
    found = items_on(connection, link.board, item) if item else []
    if not found:
        raise NotFound("That is not on this board, or not any more.", field="item", given=item)
    return found[0].asset.id


def _call(connection: Connection, guest: Guest, name: str) -> None:
    if guest.name != name:
        change = update(board_guests).where(board_guests.c.id == guest.id)
        connection.execute(change.values(name=name))


def _name(name: str) -> str:
    kept = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not 1 <= len(kept) <= LONGEST_NAME:
        raise InvalidRequest(
            "Please say who you are.",
            field="name",
            given=name,
            allowed=f"1 to {LONGEST_NAME} characters",
        )
    return check_name("name", kept, LONGEST_NAME)


def _words(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    kept = "".join(c if c.isprintable() or c in _KEPT else " " for c in lines)
    if not 1 <= len(kept) <= LONGEST_COMMENT:
        raise InvalidRequest(
            "That is no comment.",
            field="text",
            given=f"{len(kept)} characters",
            allowed=f"1 to {LONGEST_COMMENT} characters",
        )
    return check_name("text", kept, LONGEST_COMMENT)


def _full(words: str, most: int) -> Conflict:
    return Conflict(words, field="text", allowed=f"at most {most}")


def _comments() -> Select[Any]:
    it = board_comments.c
    return (
        select(
            it.id, it.board, it.item, cards.c.asset, board_guests.c.link, it.name, it.text,
            it.created_at,
        )
        .join(board_items, board_items.c.id == it.item)
        .join(cards, cards.c.number == board_items.c.number)
        .join(board_guests, board_guests.c.id == it.guest)
        .where(cards.c.deleted_at.is_(None))
    )  # fmt: skip


def _decisions() -> Select[Any]:
    it = board_decisions.c
    return (
        select(
            it.item, cards.c.asset, board_guests.c.link, it.guest, it.name, it.decision,
            it.decided_at,
        )
        .join(board_items, board_items.c.id == it.item)
        .join(cards, cards.c.number == board_items.c.number)
        .join(board_guests, board_guests.c.id == it.guest)
        .where(cards.c.deleted_at.is_(None))
    )  # fmt: skip


def _decided(connection: Connection, query: Select[Any]) -> list[Decided]:
    ordered = query.order_by(board_decisions.c.decided_at).limit(MOST_DECISIONS)
    return [Decided(**row) for row in connection.execute(ordered).mappings()]
