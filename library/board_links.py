"""Links to a board: who has one may see it, without an account, within the link's limits.

The token is 256 random bits, told once; the database has its SHA-256: of so many random bits no
list of guesses can be made. A password, which people choose, is kept as a slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, func, insert, select, update

from library.board_audit import check_board, note
from library.board_tables import board_links
from library.filters import check_name
from studio import clock
from studio.errors import Conflict, InvalidRequest, NotFound
from studio.ids import new_id

MOST_LINKS: Final = 50
"""Links of one board that count."""
MOST_LINKS_EVER: Final = 500
"""Links of one board, those that count no more with them."""
DAYS: Final = 30
MOST_DAYS: Final = 366
VIEWS: Final = 1_000
"""Openings of a link for which no limit was said."""
MOST_VIEWS: Final = 100_000
LONGEST_LABEL: Final = 60

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is known; never its token.

    Attributes:
        id: ``blk_`` and 26 characters; opens nothing.
        label: what it is for, such as a client's name; guests do not see it.
        password: the hash of its password; empty without one.
        most_views: how often it may be opened.
        asks_first: whether a guest has to say that it is to be opened, so that no program that
            looks at addresses in messages uses up an opening.
        details: whether guests see prompt, model and metadata.
        views: how often it was opened.
        downloads: files that were delivered.
    """

    id: str
    board: str
    label: str
    password: str = field(repr=False)
    author: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    most_views: int
    asks_first: bool
    may_download: bool
    may_comment: bool
    details: bool
    views: int = 0
    downloads: int = 0

    def counts(self, moment: datetime) -> bool:
        """Whether those who have opened it still see something."""
        return self.revoked_at is None and moment < self.expires_at

    @property
    def opens(self) -> bool:
        """Whether somebody else may open it."""
        return self.counts(clock.now()) and self.views < self.most_views


def add_link(
    connection: Connection,
    owner: str,
    board: str,
    label: str = "",
    *,
    days: int = DAYS,
    password_hash: str = "",
    most_views: int | None = None,
    download: bool = False,
    comments: bool = True,
    details: bool = False,
    author: str = "",
) -> tuple[Link, str]:
    """Make a link to a board; return it and its token, which is told this once.

    Args:
        label: what it is for, in words.
        days: for how long it counts, 1 to 366.
        password_hash: of ``studio.passwords``, made before: it takes too long for a transaction.
        most_views: how often it may be opened, 1 to 100,000; 1,000 if nothing is said.
        download: whether guests may have the files.
        comments: whether they may comment, approve and reject.
        details: whether they see prompts, models and metadata.
        author: who makes it.

    Raises:
        InvalidRequest: label, days or views are out of range.
        Conflict: the board has 50 links that count, or has had 500.
        NotFound: there is no such board, or it is somebody else's.
    """
    check_board(connection, owner, board)
    check_name("label", label, LONGEST_LABEL)
    _check_range("days", days, MOST_DAYS)
    if most_views is not None:
        _check_range("views", most_views, MOST_VIEWS)
    moment = clock.now()
    note(connection, board, "linked", who=author or owner, detail=" ".join(label.split()))
    counted = (board_links.c.revoked_at.is_(None), board_links.c.expires_at > moment)
    total = select(func.count()).where(board_links.c.board == board)
    ever = connection.execute(total).scalar_one()
    if ever >= MOST_LINKS_EVER or connection.execute(total.where(*counted)).scalar_one() >= (
        MOST_LINKS
    ):
        raise Conflict(
            f"A board has at most {MOST_LINKS} links that count, and {MOST_LINKS_EVER} in all.",
            field="board",
            given=board,
        )
    token = secrets.token_urlsafe(_SECRET_BYTES)
    link = Link(
        id=new_id("blk"),
        board=board,
        label=" ".join(label.split()),
        password=password_hash,
        author=author or owner,
        created_at=moment,
        expires_at=moment + timedelta(days=days),
        revoked_at=None,
        most_views=VIEWS if most_views is None else most_views,
        asks_first=most_views is not None,
        may_download=download,
        may_comment=comments,
        details=details,
    )
    row = {name: getattr(link, name) for name in Link.__slots__}
    connection.execute(insert(board_links).values(**row, digest=digest_of(token)))
    return link, token


def links_of(connection: Connection, owner: str, board: str) -> list[Link]:
    """Return a board's links, the newest first, also those that count no more.

    Raises:
        NotFound: there is no such board, or it is somebody else's.
    """
    check_board(connection, owner, board)
    query = _links().where(board_links.c.board == board).order_by(board_links.c.id.desc())
    rows = connection.execute(query.limit(MOST_LINKS_EVER)).mappings()
    return [Link(**row) for row in rows]


def revoke_link(
    connection: Connection, owner: str, board: str, identifier: str, *, author: str = ""
) -> Link:
    """Have a link count no more, from the next request on, also for those who have opened it.

    Raises:
        NotFound: the board is not there or somebody else's, or has no such link.
    """
    check_board(connection, owner, board)
    query = _links().where(board_links.c.board == board, board_links.c.id == identifier)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no such link.", field="link", given=identifier)
    if row["revoked_at"] is None:
        note(connection, board, "revoked", who=author or owner, link=identifier)
        change = update(board_links).where(board_links.c.id == identifier)
        connection.execute(change.values(revoked_at=clock.now()))
    return Link(**connection.execute(query).mappings().one())


def link_of_token(connection: Connection, token: str) -> Link | None:
    """Return the link that a token is, also one that counts no more; ``None`` for none."""
    if not _TOKEN.fullmatch(token):
        return None
    digest = digest_of(token)
    query = _links().add_columns(board_links.c.digest).where(board_links.c.digest == digest)
    row = connection.execute(query).mappings().first()
    if row is None or not hmac.compare_digest(row["digest"], digest):
        return None
    return Link(**{name: row[name] for name in Link.__slots__})


def link_now(connection: Connection, identifier: str) -> Link | None:
    """Return a link as it is now, if it counts.

    Where the transaction has written something down of the board before, it stays so until its end:
    who revokes a link waits for the same row.
    """
    query = _links().where(board_links.c.id == identifier)
    row = connection.execute(query).mappings().first()
    link = Link(**row) if row is not None else None
    return link if link is not None and link.counts(clock.now()) else None


def count_view(connection: Connection, link: Link) -> int:
    """Count an opening; return which one it was, or 0 if none is left.

    One statement that counts only below the limit: of two at once that want the last one, one gets
    it.
    """
    counted = (
        update(board_links)
        .where(
            board_links.c.id == link.id,
            board_links.c.revoked_at.is_(None),
            board_links.c.expires_at > clock.now(),
            board_links.c.views < board_links.c.most_views,
        )
        .values(views=board_links.c.views + 1)
        .returning(board_links.c.views)
    )
    return connection.execute(counted).scalar() or 0


def count_downloads(connection: Connection, link: str, number: int) -> None:
    """Count files that were delivered."""
    change = update(board_links).where(board_links.c.id == link)
    connection.execute(change.values(downloads=board_links.c.downloads + number))


def digest_of(token: str) -> str:
    """Return what the database has of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _links() -> Select[Any]:
    return select(*(board_links.c[name] for name in Link.__slots__))


def _check_range(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidRequest(
            "That is no limit of a link.", field=name, given=value, allowed=f"1 to {most}"
        )
