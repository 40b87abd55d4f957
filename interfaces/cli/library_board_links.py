"""``studio library board link|links|revoke|comments|audit``."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.library_boards import write
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from library.board_audit import Event, events_of
from library.board_guests import Comment, comments_of, remove_comment
from library.board_links import DAYS, Link, add_link, links_of, revoke_link
from studio import passwords
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

_QUIET = Parameter(show_default=False)
_FLAG = Parameter(negative=(), show_default=False)
_STDIN = "@-"


def link(
    board: str,
    /,
    *,
    label: Annotated[str, _QUIET] = "",
    days: int = DAYS,
    views: Annotated[int | None, _QUIET] = None,
    password: Annotated[str, _QUIET] = "",
    download: Annotated[bool, _FLAG] = False,
    no_comments: Annotated[bool, _FLAG] = False,
    details: Annotated[bool, _FLAG] = False,
    session: Here,
) -> int:
    """Make a link to a board. It is shown this once: its hash alone is kept.

    Args:
        board: The board's id (brd_...).
        label: What it is for, such as a client's name; guests do not see it.
        days: For how many days it counts, 1 to 366.
        views: How often it may be opened, 1 to 100,000; 1,000 if nothing is said.
        password: Guests need it. @- asks for it, or reads it from stdin; @ and a file reads it
            there.
        download: Let guests have the files, one by one or all as a ZIP.
        no_comments: Let nobody comment, approve or reject.
        details: Show prompts and models, and give files with all that is in them, such as places.
    """
    kept = passwords.hashed(_password(password)) if password else ""
    made, token = write(
        session,
        lambda connection: add_link(
            connection,
            session.owner,
            board,
            label,
            days=days,
            password_hash=kept,
            most_views=views,
            download=download,
            comments=not no_comments,
            details=details,
            author=session.user,
        ),
    )
    address = f"{session.config.files_url}/boards/{token}"
    facts = [
        ("link", Text(address, style="bold")),
        ("id", made.id),
        ("until", f"{made.expires_at:%Y-%m-%d %H:%M} UTC"),
        ("guests may", _may(made)),
    ]
    session.out.result({**_document(made), "url": address}, lambda to: show_facts(to, facts))
    session.out.note("This is the only time that it is shown.")
    return Exit.DONE


def links(board: str, /, *, session: Here) -> int:
    """List the links to a board, the newest first, with how often each was opened.

    Args:
        board: The board's id (brd_...).
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = links_of(connection, session.owner, board)
    session.out.result(
        {"links": [_document(each) for each in found]}, lambda to: _show_links(to, found)
    )
    return Exit.DONE


def revoke(board: str, identifier: str, /, *, session: Here) -> int:
    """Have a link count no more, also for those who have opened it.

    Args:
        board: The board's id (brd_...).
        identifier: The link's id (blk_...).
    """
    gone = write(
        session,
        lambda connection: revoke_link(
            connection, session.owner, board, identifier, author=session.user
        ),
    )
    session.out.result(_document(gone), lambda to: show_facts(to, [("revoked", gone.id)]))
    return Exit.DONE


def comments(
    board: str,
    /,
    *,
    remove: Annotated[str, _QUIET] = "",
    limit: int = 100,
    before: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """See what guests wrote on a board, the newest first, or remove a comment.

    Args:
        board: The board's id (brd_...).
        remove: The comment to remove (cmt_...).
        limit: How many, 1 to 500.
        before: Go on behind this comment (cmt_...).
    """
    if remove:
        write(
            session,
            lambda connection: remove_comment(
                connection, session.owner, board, remove, author=session.user
            ),
        )
        session.out.result({"removed": remove}, lambda to: show_facts(to, [("removed", remove)]))
        return Exit.DONE
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = comments_of(connection, session.owner, board, limit=limit, before=before)
        labels = {each.id: each.label for each in links_of(connection, session.owner, board)}
    document = [
        {
            "comment": each.id,
            "asset": each.asset,
            "name": each.name,
            "text": each.text,
            "link": each.link,
            "label": labels.get(each.link, ""),
            "created_at": each.created_at.isoformat(),
        }
        for each in found
    ]
    following = found[-1].id if len(found) == limit else None
    session.out.result(
        {"comments": document, "next_before": following},
        lambda to: _show_comments(to, found, labels),
    )
    return Exit.DONE


def audit(board: str, /, *, limit: int = 100, before: int = 0, session: Here) -> int:
    """See who did what with a board, the newest first; the newest 10,000 entries are kept.

    Args:
        board: The board's id (brd_...).
        limit: How many, 1 to 500.
        before: Entries before this number; 0 for all.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = events_of(connection, session.owner, board, limit=limit, before=before)
        labels = {each.id: each.label for each in links_of(connection, session.owner, board)}
    document = [
        {
            "number": each.number,
            "at": each.at.isoformat(),
            "what": each.what,
            "who": each.who,
            "link": each.link or None,
            "label": labels.get(each.link, ""),
            "detail": each.detail,
        }
        for each in found
    ]
    following = found[-1].number if len(found) == limit else None
    session.out.result(
        {"events": document, "next_before": following}, lambda to: _show_audit(to, found, labels)
    )
    return Exit.DONE


def _password(given: str) -> str:
    """Return the password that is meant; on the command line itself others could read it."""
    if given == _STDIN:
        if sys.stdin.isatty():
            return getpass.getpass("Password of the link: ")
        return sys.stdin.readline().rstrip("\r\n")
    if given.startswith("@"):
        try:
            return Path(given[1:]).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError):
            raise InvalidRequest(
                "The file of the password cannot be read.",
                field="password",
                given=given,
                allowed="@ and a text file with the password in it",
            ) from None
    raise InvalidRequest(
        "A password on the command line is seen by others and kept in its history.",
        field="password",
        allowed="@- to be asked for it, or @ and a file with it",
    )


def _may(made: Link) -> str:
    allowed = ["look"]
    allowed += ["download"] if made.may_download else []
    allowed += ["comment, approve and reject"] if made.may_comment else []
    allowed += ["see the details"] if made.details else []
    needing = ", with a password" if made.password else ""
    return f"{', '.join(allowed)}{needing}; {made.most_views:,} openings"


def _document(made: Link) -> dict[str, Any]:
    return {
        "link": made.id,
        "board": made.board,
        "label": made.label,
        "author": made.author,
        "created_at": made.created_at.isoformat(),
        "expires_at": made.expires_at.isoformat(),
        "revoked_at": made.revoked_at.isoformat() if made.revoked_at else None,
        "opens": made.opens,
        "password": bool(made.password),
        "download": made.may_download,
        "comments": made.may_comment,
        "details": made.details,
        "most_views": made.most_views,
        "views": made.views,
        "downloads": made.downloads,
    }


def _show_links(to: Console, found: Sequence[Link]) -> None:
    rows = table(
        "link", "label", "until", "opened", "downloads", "guests may", right=("downloads",)
    )
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d}" if each.opens else "no more"
        opened = f"{each.views:,} of {each.most_views:,}"
        rows.add_row(each.id, plain(each.label), until, opened, f"{each.downloads:,}", _may(each))
    to.print(rows if found else Text("There is no link to it.", style="dim"))


def _show_comments(to: Console, found: Sequence[Comment], labels: dict[str, str]) -> None:
    rows = table("comment", "asset", "who", "link", "text")
    for each in found:
        label = labels.get(each.link, "")
        rows.add_row(each.id, each.asset, plain(each.name), plain(label), plain(each.text))
    to.print(rows if found else Text("Nobody wrote anything.", style="dim"))


def _show_audit(to: Console, found: Sequence[Event], labels: dict[str, str]) -> None:
    rows = table("number", "when (UTC)", "what", "who", "link", "detail", right=("number",))
    for each in found:
        rows.add_row(
            str(each.number),
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            each.what.replace("_", " "),
            plain(each.who),
            plain(labels.get(each.link, "") or each.link),
            plain(each.detail),
        )
    to.print(rows)
