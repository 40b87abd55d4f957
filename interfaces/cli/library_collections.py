"""``studio library collection …`` and ``studio library saved …``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import group
from interfaces.cli.library_filters import NOTHING, Choice
from interfaces.cli.library_order import identifiers, perform
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from library import ordering
from library.collecting import (
    Collection,
    change_collection,
    collections_of,
    create_collection,
    remove_collection,
)
from library.saved import SavedSearch, remove_saved, save_search, saved_of
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from sqlalchemy import Connection

    from interfaces.cli.session import Session
    from library import Filters

collection: App = group("collection", "Keep collections of pictures.")
saved: App = group("saved", "Keep searches under names.")
_QUIET = Parameter(show_default=False)
_FLAG = Parameter(negative=(), show_default=False)


@collection.command(name="list")
def list_(*, session: Here) -> int:
    """List the collections, with how many pictures are in each."""
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = collections_of(connection, session.owner)
    document = [{**_document(each), "assets": number} for each, number in found]
    session.out.result({"collections": document}, lambda to: _show_all(to, found))
    return Exit.DONE


@collection.command
def create(
    name: str,
    /,
    *,
    within: Annotated[str, _QUIET] = "",
    description: Annotated[str, _QUIET] = "",
    smart: Annotated[bool, _FLAG] = False,
    words: Annotated[str, _QUIET] = "",
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """Make a collection: empty, or with --smart one that shows what a search finds.

    Args:
        name: Its name, up to 120 characters.
        within: The collection that it is in (col_...).
        description: What it is for.
        smart: Fill it by the words and filters beside this.
        words: The words of a smart collection.
        choice: Which pictures a smart one shows.
    """
    filters = _search(words, choice, smart=smart)
    made = _write(
        session,
        lambda connection: create_collection(
            connection,
            session.owner,
            name,
            parent=within,
            description=description,
            filters=filters,
        ),
    )
    session.out.result(_document(made), lambda to: to.print(Text(f"{made.id}  {plain(made.name)}")))
    return Exit.DONE


@collection.command
def change(
    identifier: str,
    /,
    *,
    name: Annotated[str | None, _QUIET] = None,
    within: Annotated[str | None, _QUIET] = None,
    description: Annotated[str | None, _QUIET] = None,
    cover: Annotated[str | None, _QUIET] = None,
    smart: Annotated[bool, _FLAG] = False,
    words: Annotated[str, _QUIET] = "",
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """Rename a collection, move it, describe it, choose its cover, or what a smart one shows.

    Args:
        identifier: Its id (col_...).
        name: Its new name.
        within: The collection to move it to; "" for the top.
        description: What it is for.
        cover: The picture that stands for it (ast_...); "" for none.
        smart: Fill it, a smart one, by the words and filters beside this from now on.
        words: The words of a smart collection.
        choice: Which pictures a smart one shows.
    """
    filters = _search(words, choice, smart=smart)
    made = _write(
        session,
        lambda connection: change_collection(
            connection,
            session.owner,
            identifier,
            name=name,
            parent=within,
            description=description,
            cover=cover,
            filters=filters,
        ),
    )
    session.out.result(_document(made), lambda to: show_facts(to, _facts(made)))
    return Exit.DONE


@collection.command
def remove(identifier: str, /, *, session: Here) -> int:
    """Remove a collection; the pictures in it stay.

    Args:
        identifier: Its id (col_...).
    """
    gone = _write(
        session, lambda connection: remove_collection(connection, session.owner, identifier)
    )
    session.out.result({"removed": gone.id}, lambda to: show_facts(to, [("removed", gone.name)]))
    return Exit.DONE


@collection.command
def put(identifier: str, /, *assets: str, session: Here) -> int:
    """Put pictures into a collection, beside those that they are in.

    Args:
        identifier: The collection's id (col_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    chosen = identifiers(assets)
    return perform(
        session,
        lambda connection: ordering.collect(
            connection, session.owner, chosen, identifier, author=session.user
        ),
    )


@collection.command
def take(identifier: str, /, *assets: str, session: Here) -> int:
    """Take pictures out of a collection.

    Args:
        identifier: The collection's id (col_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    chosen = identifiers(assets)
    return perform(
        session,
        lambda connection: ordering.uncollect(
            connection, session.owner, chosen, identifier, author=session.user
        ),
    )


@collection.command
def move(of: str, to: str, /, *assets: str, session: Here) -> int:
    """Move pictures from one collection to another.

    Args:
        of: The id of the collection that they leave (col_...).
        to: The id of the one that they come to (col_...).
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    chosen = identifiers(assets)
    return perform(
        session,
        lambda connection: ordering.move(
            connection, session.owner, chosen, of, to, author=session.user
        ),
    )


@saved.command(name="list")
def list_saved(*, session: Here) -> int:
    """List the saved searches."""
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = saved_of(connection, session.owner)

    def show(to: Console) -> None:
        rows = table("name", "sort", "filters")
        for each in found:
            rows.add_row(plain(each.name), each.sort, plain(dict(each.filters)))
        to.print(rows if found else Text("Nothing yet.", style="dim"))

    session.out.result({"saved": [_saved_document(each) for each in found]}, show)
    return Exit.DONE


@saved.command
def save(
    name: str,
    words: Annotated[str, _QUIET] = "",
    /,
    *,
    sort: str = "newest",
    choice: Choice = NOTHING,
    session: Here,
) -> int:
    """Keep a search under a name; `studio library search --saved NAME` makes it again.

    Args:
        name: Its name, up to 120 characters; one that is there is replaced.
        words: The words to look for.
        sort: The order: ranked, newest, oldest, largest, smallest, dearest, cheapest, rating, name.
        choice: Which pictures.
    """
    filters = choice.filters(words)
    kept = _write(
        session,
        lambda connection: save_search(connection, session.owner, name, filters, sort),
    )
    session.out.result(_saved_document(kept), lambda to: to.print(Text(plain(kept.name))))
    return Exit.DONE


@saved.command(name="remove")
def forget(name: str, /, *, session: Here) -> int:
    """Forget a saved search.

    Args:
        name: Its name.
    """
    _write(session, lambda connection: remove_saved(connection, session.owner, name))
    session.out.result({"removed": name}, lambda to: show_facts(to, [("removed", name)]))
    return Exit.DONE


def _search(words: str, choice: Choice, *, smart: bool) -> Filters | None:
    """Return what a smart collection shows; ``None`` for one that is filled by hand."""
    if smart:
        return choice.filters(words)
    if words or choice != NOTHING:
        raise InvalidRequest(
            "Only a smart collection is filled by a search.",
            field="smart",
            given="words or filters without it",
            allowed="--smart beside them",
        )
    return None


def _write(session: Session, work: Callable[[Connection], Any]) -> Any:
    def checked(connection: Connection) -> Any:
        session.require(connection, "spend")
        return work(connection)

    with opened_database(session.config) as database:
        return database.write(checked)


def _document(made: Collection) -> dict[str, Any]:
    return {
        "collection": made.id,
        "name": made.name,
        "within": made.parent or None,
        "description": made.description,
        "cover": made.cover or None,
        "smart": None if made.query is None else dict(made.query),
        "created_at": made.created_at.isoformat(),
        "updated_at": made.updated_at.isoformat(),
    }


def _facts(made: Collection) -> list[tuple[str, str]]:
    pairs = [
        ("collection", made.id),
        ("name", made.name),
        ("within", made.parent),
        ("description", made.description),
        ("cover", made.cover),
    ]
    return [(name, value) for name, value in pairs if value]


def _saved_document(kept: SavedSearch) -> dict[str, Any]:
    return {
        "name": kept.name,
        "filters": dict(kept.filters),
        "sort": kept.sort,
        "updated_at": kept.updated_at.isoformat(),
    }


def _show_all(to: Console, found: Sequence[tuple[Collection, int]]) -> None:
    rows = table("collection", "name", "within", "assets", right=("assets",))
    rows.columns[0].no_wrap = True
    for each, number in found:
        size = f"{number:,}" if each.query is None else "smart"
        rows.add_row(each.id, plain(each.name), each.parent, size)
    to.print(rows if found else Text("Nothing yet.", style="dim"))
