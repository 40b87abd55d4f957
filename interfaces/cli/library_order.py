"""``studio library favourite|rate|tag|trash|undo …``: putting pictures in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, table
from interfaces.cli.session import Here
from library import ordering, tags
from library import trash as trash_
from library.bulk import Action
from library.undoing import actions_of
from library.undoing import undo as take_back
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

    from interfaces.cli.session import Session

Assets = Annotated[tuple[str, ...], Parameter(show_default=False)]

_DONE = {
    "favourite": "Favourites now",
    "unfavourite": "Favourites no more",
    "rate": "Rated",
    "title": "Title changed",
    "notes": "Notes changed",
    "tag": "Tagged",
    "untag": "Tag taken away",
    "collect": "Put into the collection",
    "uncollect": "Taken out of the collection",
    "move": "Moved to the other collection",
    "trash": "In the trash now",
    "restore": "Back from the trash",
}


def favourite(*assets: str, session: Here) -> int:
    """Make pictures favourites; those that are stay so.

    Args:
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, ordering.favourite, assets)


def unfavourite(*assets: str, session: Here) -> int:
    """Make pictures favourites no more.

    Args:
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, ordering.unfavourite, assets)


def rate(rating: int, /, *assets: str, session: Here) -> int:
    """Rate pictures.

    Args:
        rating: 1 to 5; 0 takes their rating away.
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, ordering.rate, assets, rating)


def tag(name: str, /, *assets: str, session: Here) -> int:
    """Tag pictures; a suggested tag is thereby accepted.

    Args:
        name: The tag, up to 60 characters.
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, tags.tag, assets, name)


def untag(name: str, /, *assets: str, session: Here) -> int:
    """Take a tag away from pictures.

    Args:
        name: The tag.
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, tags.untag, assets, name)


def title(asset: str, words: str, /, *, session: Here) -> int:
    """Give a picture a title; an empty one takes it away.

    Args:
        asset: Its id (ast_...).
        words: The title, up to 200 characters.
    """
    return _do_one(session, ordering.entitle, asset, words)


def note(asset: str, words: str, /, *, session: Here) -> int:
    """Note something about a picture, in the place of what was noted.

    Args:
        asset: Its id (ast_...).
        words: The notes, up to 5,000 characters.
    """
    return _do_one(session, ordering.note, asset, words)


def trash(*assets: str, session: Here) -> int:
    """Put pictures into the trash.

    Args:
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, trash_.trash, assets)


def restore(*assets: str, session: Here) -> int:
    """Bring pictures back from the trash.

    Args:
        assets: Their ids (ast_...), or @ and a file of ids; @- reads them from stdin.
    """
    return _do(session, trash_.restore, assets)


def undo(
    action: Annotated[str, Parameter(show_default=False)] = "",
    /,
    *,
    list_: Annotated[bool, Parameter(name="--list", negative=(), show_default=False)] = False,
    session: Here,
) -> int:
    """Take back what was done to pictures, as far as nobody has changed it since.

    Args:
        action: Its id (act_...); the newest that was not undone, if not given.
        list_: Only list what was done, the newest first.
    """
    if list_:
        with opened_database(session.config) as database, database.read() as connection:
            session.require(connection, "look")
            found = actions_of(connection, session.owner)
        session.out.result(
            {"actions": [action_document(each) for each in found]},
            lambda to: _show_actions(to, found),
        )
        return Exit.DONE
    return perform(
        session, lambda connection: take_back(connection, session.owner, action), "Undone"
    )


def identifiers(given: Sequence[str]) -> list[str]:
    """Return the ids that were given; ``@file`` and ``@-`` (stdin) stand for those in there.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    found: list[str] = []
    for each in given:
        if each == "@-":
            found += sys.stdin.read().split()
        elif each.startswith("@"):
            try:
                found += Path(each[1:]).expanduser().read_text(encoding="utf-8").split()
            except (OSError, ValueError):
                raise InvalidRequest(
                    "The file of ids cannot be read.",
                    field="assets",
                    given=each,
                    allowed="@ and a text file with an id on each line",
                ) from None
        else:
            found.append(each)
    return found


def perform(session: Session, work: Callable[[Connection], Action], word: str = "") -> int:
    """Do something to pictures in one transaction, and tell what was done."""

    def checked(connection: Connection) -> Action:
        session.require(connection, "spend")
        return work(connection)

    with opened_database(session.config) as database:
        done = database.write(checked)
    named = f"{word or _DONE[done.action]}: {done.assets:,} of them."
    hint = f" `studio library undo {done.id}` takes it back." if done.id and not word else ""
    session.out.result(action_document(done), lambda to: to.print(Text(named + hint)))
    return Exit.DONE


def _do(session: Session, work: Callable[..., Action], assets: Sequence[str], *rest: Any) -> int:
    chosen = identifiers(assets)
    return perform(
        session,
        lambda connection: work(connection, session.owner, chosen, *rest, author=session.user),
    )


def _do_one(session: Session, work: Callable[..., Action], asset: str, words: str) -> int:
    return perform(
        session,
        lambda connection: work(connection, session.owner, asset, words, author=session.user),
    )


def action_document(action: Action) -> dict[str, Any]:
    """Return what was done as JSON values."""
    undone = action.undone_at
    return {
        "action": action.id or None,
        "done": action.action,
        "subject": action.subject,
        "assets": action.assets,
        "author": action.author,
        "created_at": action.created_at.isoformat(),
        "undone_at": undone.isoformat() if undone else None,
    }


def _show_actions(to: Console, found: Sequence[Action]) -> None:
    rows = table("action", "done", "subject", "assets", "by", "undone", right=("assets",))
    for each in found:
        rows.add_row(
            each.id,
            each.action,
            plain(each.subject),
            f"{each.assets:,}",
            plain(each.author),
            "yes" if each.undone_at else "",
        )
    to.print(rows if found else Text("Nothing yet.", style="dim"))
