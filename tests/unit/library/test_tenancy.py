"""Nobody reaches another's things: every operation of the library is tried with another's ids.

An operation is a public function of the library whose first parameters are a connection and an
owner. A new one without a case here fails.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import select

import library
from library import Filters
from library.board_guests import Visit, open_link, say
from library.board_items import items_on
from library.board_links import add_link
from library.board_tables import board_comments, board_events, board_items, board_links, boards
from library.boards import create_board
from library.card_tables import asset_tags, cards, counts, words
from library.collecting import create_collection
from library.ordering import collect, favourite
from library.saved import save_search
from library.tags import tag
from studio.database import Database
from studio.errors import NotFound
from studio.operations import Persona
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity

MINE = identity(1)
FIRST = ("connection", "owner")


def operations() -> Mapping[str, Callable[..., Any]]:
    """Return every public function of the library that acts for an owner, by its name."""
    found: dict[str, Callable[..., Any]] = {}
    for info in pkgutil.iter_modules(library.__path__):
        module = importlib.import_module(f"library.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            named = tuple(inspect.signature(function).parameters)[:2]
            if (
                named == FIRST
                and not name.startswith("_")
                and function.__module__ == module.__name__
            ):
                found[f"{info.name}.{name}"] = function
    return found


Theirs = dict[str, Any]
"""What belongs to somebody else: a collection, an action, a board with its link and a comment."""

BOARDS = (boards, board_items, board_links, board_comments, board_events)

NOT_FOUND: Mapping[str, Callable[[Theirs], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "assets.find_asset": lambda _: ((MINE,), {}),
    "lineage.lineage": lambda _: ((MINE,), {}),
    "versions.make_current": lambda _: ((MINE, OTHER), {}),
    "versions.versions": lambda _: ((MINE,), {}),
    "search.find_card": lambda _: ((MINE,), {}),
    "search.find_page": lambda it: ((Filters(collection=it["collection"]),), {}),
    "search.count_matches": lambda it: ((Filters(collection=it["collection"]),), {}),
    "search.asked_for": lambda it: ((Filters(collection=it["collection"]),), {}),
    "search.list_assets": lambda it: ((), {"filters": Filters(collection=it["collection"])}),
    "bulk.choose": lambda _: (("rate", [MINE]), {}),
    "ordering.favourite": lambda _: (([MINE],), {}),
    "ordering.unfavourite": lambda _: (([MINE],), {}),
    "ordering.rate": lambda _: (([MINE], 3), {}),
    "ordering.entitle": lambda _: ((MINE, "x"), {}),
    "ordering.note": lambda _: ((MINE, "x"), {}),
    "tags.tag": lambda _: (([MINE], "x"), {}),
    "tags.untag": lambda _: (([MINE], "x"), {}),
    "ordering.collect": lambda it: (([MINE], it["collection"]), {}),
    "ordering.uncollect": lambda it: (([MINE], it["collection"]), {}),
    "ordering.move": lambda it: (([MINE], it["collection"], it["collection"]), {}),
    "trash.trash": lambda _: (([MINE],), {}),
    "trash.restore": lambda _: (([MINE],), {}),
    "trash.choose_living": lambda _: (([MINE],), {}),
    "similar.similar": lambda _: ((MINE,), {}),
    "suggesting.suggestions": lambda _: ((MINE,), {}),
    "suggesting.accept": lambda _: ((MINE,), {}),
    "suggesting.reject": lambda _: ((MINE,), {}),
    "undoing.undo": lambda it: ((it["action"],), {}),
    "collecting.collection_of": lambda it: ((it["collection"],), {}),
    "collecting.collection_by_hand": lambda it: ((it["collection"],), {}),
    "collecting.create_collection": lambda it: (("x",), {"parent": it["collection"]}),
    "collecting.change_collection": lambda it: ((it["collection"],), {"name": "x"}),
    "collecting.remove_collection": lambda it: ((it["collection"],), {}),
    "boards.create_board": lambda it: (("x",), {"collection": it["collection"]}),
    "boards.board_of": lambda it: ((it["board"],), {}),
    "boards.change_board": lambda it: ((it["board"],), {"title": "x"}),
    "boards.remove_board": lambda it: ((it["board"],), {}),
    "board_items.items_of": lambda it: ((it["board"],), {}),
    "board_items.put_items": lambda it: ((it["board"], [MINE]), {}),
    "board_items.put_on": lambda it: ((it["board"], [MINE]), {}),
    "board_items.take_items": lambda it: ((it["board"], [MINE]), {}),
    "board_items.arrange_items": lambda it: ((it["board"], [MINE]), {}),
    "board_links.add_link": lambda it: ((it["board"],), {}),
    "board_links.links_of": lambda it: ((it["board"],), {}),
    "board_links.revoke_link": lambda it: ((it["board"], it["link"]), {}),
    "board_guests.comments_of": lambda it: ((it["board"],), {}),
    "board_guests.decisions_of": lambda it: ((it["board"],), {}),
    "board_guests.remove_comment": lambda it: ((it["board"], it["comment"]), {}),
    "board_audit.check_board": lambda it: ((it["board"],), {}),
    "board_audit.events_of": lambda it: ((it["board"],), {}),
    "saved.find_saved": lambda _: (("Mine",), {}),
    "saved.remove_saved": lambda _: (("Mine",), {}),
    "personas.find_persona": lambda _: (("brand",), {}),
    "personas.remove_persona": lambda _: (("brand",), {}),
}
"""Operations that name something: "not found", and nothing of it changes."""

NOTHING: Mapping[str, Callable[[Theirs], tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "assets.find_assets": lambda _: (([MINE],), {}),
    "lineage.edges_up": lambda _: (([MINE],), {}),
    "lineage.edges_down": lambda _: (([MINE],), {}),
    "imports.known_bytes": lambda _: ((["0" * 64],), {}),
    "suggesting.waiting": lambda _: ((), {}),
    "wishes.wish_of": lambda _: ((), {}),
    "search.rows_of": lambda _: (([MINE],), {}),
    "search.facets": lambda _: (("tag",), {}),
    "search.stored_bytes": lambda _: ((), {}),
    "shown.names_told": lambda _: ((), {}),
    "shown.shown": lambda _: (({"fox": 1_000, "snow": 900},), {}),
    "collecting.collections_of": lambda _: ((), {}),
    "boards.boards_of": lambda _: ((), {}),
    "similar.duplicates": lambda _: ((), {}),
    "undoing.actions_of": lambda _: ((), {}),
    "saved.saved_of": lambda _: ((), {}),
    "personas.list_personas": lambda _: ((), {}),
}
"""Operations that list or look up: nothing is there."""

KEEPS: Mapping[str, str] = {
    "tags.keep_tag": "writes the owner's own tag down",
    "saved.save_search": "keeps the owner's own search",
    "personas.save_persona": "keeps the owner's own persona",
    "imports.file_imports": "files the owner's own files",
    "wishes.wish": "keeps the owner's own wish",
    "trash.in_trash": "counts the owner's own trash alone",
    "usage.uses_of": "counts the owner's own deliveries alone",
    "usage.statistics": "counts the owner's own deliveries alone",
    "search.number_of": "gives the time in an id, for one that the owner does not have",
    "collecting.within_collection": "is asked only about what collection_of has let pass",
}
"""Operations that name nothing of anybody's."""


@pytest.fixture
def theirs(sqlite_database: Database) -> Theirs:
    """Things of ``OWNER``; the tests act for ``OTHER``."""
    file(sqlite_database, asset(1, prompt="a fox"), asset(2))

    def work(connection: Any) -> Theirs:
        collection = create_collection(connection, OWNER, "Mine").id
        collect(connection, OWNER, [MINE], collection)
        tag(connection, OWNER, [MINE], "secret")
        save_search(connection, OWNER, "Mine", Filters())
        library.save_persona(connection, OWNER, Persona(name="brand", tone="calm"))
        board = create_board(connection, OWNER, "Mine", assets=[MINE]).id
        link, _ = add_link(connection, OWNER, board)
        guest, _, _ = open_link(connection, link)
        (item,) = items_on(connection, board)
        return {
            "board": board,
            "link": link.id,
            "comment": say(connection, Visit(link, guest), item.id, "Ann", "x"),
            "collection": collection,
            "action": favourite(connection, OWNER, [MINE]).id,
        }

    return sqlite_database.write(work)


def everything(database: Database) -> list[Any]:
    with database.read() as connection:
        return [
            [tuple(row) for row in connection.execute(select(table))]
            for table in (cards, words, asset_tags, counts, *BOARDS)
        ]


def test_every_operation_has_its_case() -> None:
    assert set(operations()) == {*NOT_FOUND, *NOTHING, *KEEPS}


@pytest.mark.parametrize("name", list(NOT_FOUND))
def test_what_is_anothers_is_not_found(
    name: str, sqlite_database: Database, theirs: Theirs
) -> None:
    given, named = NOT_FOUND[name](theirs)
    before = everything(sqlite_database)
    with pytest.raises(NotFound):
        sqlite_database.write(lambda c: operations()[name](c, OTHER, *given, **named))
    assert everything(sqlite_database) == before


@pytest.mark.parametrize("name", list(NOTHING))
def test_what_is_anothers_is_not_listed(
    name: str, sqlite_database: Database, theirs: Theirs
) -> None:
    given, named = NOTHING[name](theirs)
    with sqlite_database.read() as connection:
        told = operations()[name](connection, OTHER, *given, **named)
    assert not getattr(told, "found", told)  # a page, or the things themselves


@pytest.mark.parametrize("words_", ["", "fox", "secret", MINE])
def test_no_search_shows_anothers(words_: str, sqlite_database: Database, theirs: Theirs) -> None:
    assert theirs
    with sqlite_database.read() as connection:
        for sort in ("newest", "largest", "name", *(["ranked"] if words_ else [])):
            page = library.find_page(connection, OTHER, Filters(words=words_), sort=sort)
            assert page.found == ()
        assert library.count_matches(connection, OTHER, Filters(words=words_)).number == 0
