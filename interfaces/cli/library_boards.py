"""``studio library board …``: what others are shown without an account, and what they say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import HELP, group
from interfaces.cli.library_order import identifiers
from interfaces.cli.opening import opened_database
from interfaces.cli.output import Fact, plain, show_facts, table
from interfaces.cli.session import Here
from library import boards
from library.board_guests import Decided, decisions_of
from library.board_items import Item, arrange_items, items_of, put_items, take_items
from library.board_links import links_of
from library.boards import Board, Listed

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

    from interfaces.cli.session import Session

board: App = group("board", "Show pictures to others by links, and see what they say of them.")
_QUIET = Parameter(show_default=False)

for _name, _says in (
    ("link", "Make a link to a board; it is shown this once."),
    ("links", "List the links to a board, also those that count no more."),
    ("revoke", "Have a link count no more, at once."),
    ("comments", "See what guests wrote on a board, or remove a comment."),
    ("audit", "See who did what with a board."),
):
    board.command(f"interfaces.cli.library_board_links:{_name}", name=_name, help=_says, **HELP)


@board.command
def create(
    *assets: str,
    title: Annotated[str, _QUIET] = "",
    note: Annotated[str, _QUIET] = "",
    collection: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Make a board of pictures, or of what is in a collection now. Nobody sees it without a link.

    Args:
        assets: Their ids (ast_...) in their order, or @ and a file of ids; @- reads them from
            stdin.
        title: What guests read above it; the collection's name, if it is not given.
        note: What guests are told about it.
        collection: The collection (col_...); what comes into it later is not on the board.
    """
    chosen = identifiers(assets)
    made = write(
        session,
        lambda connection: boards.create_board(
            connection,
            session.owner,
            title,
            note=note,
            assets=chosen,
            collection=collection,
            author=session.user,
        ),
    )
    session.out.result(_document(made), lambda to: to.print(Text(f"{made.id}  {made.title}")))
    session.out.note(f"`studio library board link {made.id}` makes a link to it.")
    return Exit.DONE


@board.command(name="list")
def list_(*, limit: int = 100, before: Annotated[str, _QUIET] = "", session: Here) -> int:
    """List the boards, the newest first.

    Args:
        limit: How many, 1 to 500.
        before: Go on behind this board (brd_...).
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = boards.boards_of(connection, session.owner, limit=limit, before=before)
    document = [
        {**_document(each.board), "assets": each.assets, "links": each.links} for each in found
    ]
    following = found[-1].board.id if len(found) == limit else None
    session.out.result(
        {"boards": document, "next_before": following}, lambda to: _show_all(to, found)
    )
    return Exit.DONE


@board.command
def show(identifier: str, /, *, session: Here) -> int:
    """Show a board: its pictures, what guests decided about each, and its links.

    Args:
        identifier: Its id (brd_...).
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = boards.board_of(connection, session.owner, identifier)
        items = items_of(connection, session.owner, identifier)
        decided = decisions_of(connection, session.owner, identifier)
        links = links_of(connection, session.owner, identifier)
    counts = Counter((each.asset, each.decision) for each in decided)
    document = {
        **_document(found),
        "assets": [_item(each, decided) for each in items],
        "links": sum(each.opens for each in links),
        "views": sum(each.views for each in links),
        "downloads": sum(each.downloads for each in links),
    }
    facts: list[Fact] = [
        ("board", found.id),
        ("title", found.title),
        *([("note", found.note)] if found.note else []),
        ("links", f"{document['links']} that can be opened, of {len(links)}"),
        ("opened", f"{document['views']:,} times; {document['downloads']:,} files downloaded"),
    ]
    session.out.result(document, lambda to: _show(to, facts, items, counts))
    return Exit.DONE


@board.command
def change(
    identifier: str,
    /,
    *,
    title: Annotated[str | None, _QUIET] = None,
    note: Annotated[str | None, _QUIET] = None,
    session: Here,
) -> int:
    """Give a board another title or note.

    Args:
        identifier: Its id (brd_...).
        title: Its new title.
        note: Its new note; "" for none.
    """
    made = write(
        session,
        lambda connection: boards.change_board(
            connection, session.owner, identifier, title=title, note=note, author=session.user
        ),
    )
    facts = [("board", made.id), ("title", made.title), ("note", made.note)]
    session.out.result(_document(made), lambda to: show_facts(to, [it for it in facts if it[1]]))
    return Exit.DONE


@board.command
def add(identifier: str, /, *assets: str, session: Here) -> int:
    """Put pictures on a board, behind those that are on it.

    Args:
        identifier: The board's id (brd_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _count(session, identifier, put_items, assets, "added")


@board.command
def remove(identifier: str, /, *assets: str, session: Here) -> int:
    """Take pictures off a board, with what guests said of them; the pictures stay.

    Args:
        identifier: The board's id (brd_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _count(session, identifier, take_items, assets, "removed")


@board.command
def order(identifier: str, /, *assets: str, session: Here) -> int:
    """Put pictures of a board first, in this order; the others follow as they were.

    Args:
        identifier: The board's id (brd_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """

    def work(*given: Any, author: str) -> int:
        arrange_items(*given, author=author)
        return len(dict.fromkeys(given[-1]))

    return _count(session, identifier, work, assets, "first")


@board.command
def delete(identifier: str, /, *, session: Here) -> int:
    """Delete a board with its links, comments and audit list; the pictures stay.

    Args:
        identifier: Its id (brd_...).
    """
    gone = write(
        session, lambda connection: boards.remove_board(connection, session.owner, identifier)
    )
    session.out.result({"deleted": gone.id}, lambda to: show_facts(to, [("deleted", gone.title)]))
    return Exit.DONE


def write(session: Session, work: Callable[[Connection], Any]) -> Any:
    """Do something to boards in one transaction, for a user who may."""

    def checked(connection: Connection) -> Any:
        session.require(connection, "spend")
        return work(connection)

    with opened_database(session.config) as database:
        return database.write(checked)


def _count(
    session: Session, identifier: str, work: Callable[..., int], assets: Sequence[str], done: str
) -> int:
    chosen = identifiers(assets)
    number = write(
        session,
        lambda connection: work(connection, session.owner, identifier, chosen, author=session.user),
    )
    session.out.result(
        {"board": identifier, done: number}, lambda to: show_facts(to, [(done, str(number))])
    )
    return Exit.DONE


def _document(made: Board) -> dict[str, Any]:
    return {
        "board": made.id,
        "title": made.title,
        "note": made.note,
        "author": made.author,
        "created_at": made.created_at.isoformat(),
        "updated_at": made.updated_at.isoformat(),
    }


def _item(item: Item, decided: Sequence[Decided]) -> dict[str, Any]:
    return {
        "asset": item.asset.id,
        "name": item.asset.name,
        "title": item.title,
        "decisions": [
            {
                "name": each.name,
                "decision": each.decision,
                "link": each.link,
                "at": each.decided_at.isoformat(),
            }
            for each in decided
            if each.item == item.id
        ],
    }


def _show(
    to: Console, facts: list[Fact], items: Sequence[Item], counts: Counter[tuple[str, str]]
) -> None:
    show_facts(to, facts)
    rows = table("asset", "name", "approved", "rejected", right=("approved", "rejected"))
    for each in items:
        said = [counts[each.asset.id, word] for word in ("approved", "rejected")]
        name = each.title or each.asset.name
        rows.add_row(each.asset.id, plain(name), *(str(number or "") for number in said))
    to.print(rows if items else Text("Nothing is on it.", style="dim"))


def _show_all(to: Console, found: Sequence[Listed]) -> None:
    rows = table("board", "title", "assets", "links", right=("assets", "links"))
    rows.columns[0].no_wrap = True
    for each in found:
        rows.add_row(each.board.id, plain(each.board.title), str(each.assets), str(each.links))
    to.print(rows if found else Text("Nothing yet.", style="dim"))
