"""The program that is killed while it puts a library in order: forked anew for every point."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from engine.studio import Studio
from engine.tidying import empty_trash
from library.collecting import collections_of, create_collection
from library.ordering import collect, favourite, move
from library.tags import tag, untag
from library.trash import restore, trash
from library.undoing import undo
from tests.crash.forking import Points, fork_for_each
from tests.support.studios import OWNER, make_studio

LABEL = "for print"
SHELVES = ("Drafts", "Client")
"""Names of two collections: what is moved goes from the first to the second."""

Work = Callable[[Connection, list[str]], object]


def shelf(connection: Connection, name: str) -> str:
    """Return the id of a collection by its name."""
    return next(each.id for each, _ in collections_of(connection, OWNER) if each.name == name)


WORKS: Mapping[str, Work] = {
    "shelves": lambda c, _: [create_collection(c, OWNER, name) for name in SHELVES],
    "collect": lambda c, ids: collect(c, OWNER, ids[:2], shelf(c, SHELVES[0])),
    # So that of those that are moved one is in both, one in the first alone, and one in neither.
    "collect one": lambda c, ids: collect(c, OWNER, ids[:1], shelf(c, SHELVES[1])),
    "move": lambda c, ids: move(c, OWNER, ids, *(shelf(c, each) for each in SHELVES)),
    "undo a move": lambda c, _: undo(c, OWNER),
    "favourite": lambda c, ids: favourite(c, OWNER, ids),
    "trash": lambda c, ids: trash(c, OWNER, ids),
    "restore": lambda c, ids: restore(c, OWNER, ids),
    "tag": lambda c, ids: tag(c, OWNER, ids, LABEL),
    "untag": lambda c, ids: untag(c, OWNER, ids, LABEL),
    "undo": lambda c, _: undo(c, OWNER),
}
"""What is done in one transaction, by its name; ``empty`` is done in several."""


def do(studio: Studio, name: str, ids: list[str]) -> None:
    """Do one of the works."""
    if name == "empty":
        empty_trash(studio)
    else:
        studio.database.write(lambda connection: WORKS[name](connection, ids))


def watch(studio: Studio, points: Points) -> None:
    """Put a point before every statement, and around every commit and every change of a file."""
    for name in ("rename", "replace", "unlink"):
        setattr(Path, name, points.around(getattr(Path, name)))
    os.utime = points.around(os.utime)
    engine = studio.database.engine
    engine.dialect.do_commit = points.around(engine.dialect.do_commit)  # type: ignore[method-assign]

    @event.listens_for(engine, "before_cursor_execute")
    def pass_by(*_: Any) -> None:
        points.pass_by()


def run(home: str, name: str, ids: list[str], kill: int) -> None:
    """Do one of the works in a studio, and be killed on the way."""
    studio = make_studio(Path(home), trash_days=1)
    watch(studio, Points(kill))
    do(studio, name, ids)
    os._exit(0)


if __name__ == "__main__":
    fork_for_each(run)
