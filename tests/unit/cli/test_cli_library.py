"""``studio library`` as somebody uses it: find, order, trash, take back."""

from __future__ import annotations

import io
from typing import Any

import pytest

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from studio.settings import settings
from tests.unit.cli.conftest import Command
from tests.unit.library.conftest import asset, file, identity


@pytest.fixture
def shelf(studio_command: Command) -> Command:
    """A library of five pictures."""
    assert studio_command("account", "top-up", "5").code == 0
    with opened_database(settings()) as database:
        file(
            database,
            *(
                asset(each, "demo", prompt="a red fox" if each % 2 else "an owl", bytes=each + 1)
                for each in range(5)
            ),
        )
    return studio_command


def found(told: Any) -> list[int]:
    return [int(each["asset"][4:]) for each in told.document["assets"]]


def test_pictures_are_found_and_pages_go_on(shelf: Command) -> None:
    told = shelf("library", "list", "--limit", "2", "--json")
    assert (found(told), told.document["total"]) == ([4, 3], 5)
    after = told.document["following"]
    assert found(shelf("library", "list", "--after", after, "--json")) == [2, 1, 0]
    before = told.document["next_before"]
    assert found(shelf("library", "list", "--before", before, "--json")) == [2, 1, 0]
    assert found(shelf("library", "list", "--sort", "smallest", "--json")) == [0, 1, 2, 3, 4]
    assert found(shelf("library", "search", "red", "fox", "--json")) == [3, 1]
    assert found(shelf("library", "search", "red", "--most-bytes", "3", "--json")) == [1]
    assert found(shelf("library", "search", "--without", "fox", "--json")) == [4, 2, 0]
    assert "More: the same with --after" in shelf("library", "list", "--limit", "2").out
    refused = shelf("library", "list", "--colour", "mauve", "--json")
    assert (refused.code, refused.document["error"]["field"]) == (Exit.INVALID, "colour")


def test_pictures_are_put_in_order_and_it_is_taken_back(
    shelf: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf("library", "favourite", identity(1), identity(2)).code == 0
    assert shelf("library", "favourite", identity(1), "--json").document["assets"] == 0
    assert found(shelf("library", "list", "--favourite", "--json")) == [2, 1]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{identity(3)}\n{identity(4)}\n"))
    assert "Tagged: 2" in shelf("library", "tag", "best of", "@-").out
    assert shelf("library", "title", identity(3), "Winter").code == 0
    assert shelf("library", "rate", "4", identity(3)).code == 0
    shown = shelf("library", "show", identity(3)).out
    assert "Winter" in shown
    assert "best of" in shown
    assert "4 of 5" in shown
    trashed = shelf("library", "trash", identity(3), "--json").document["action"]
    assert found(shelf("library", "list", "--tag", "best of", "--json")) == [4]
    assert found(shelf("library", "list", "--trashed", "--json")) == [3]
    assert "trash" in shelf("library", "undo", "--list").out
    assert shelf("library", "undo", trashed, "--json").document["assets"] == 1
    assert shelf("library", "undo", trashed).code != 0
    assert found(shelf("library", "search", "winter", "--json")) == [3]
    assert shelf("library", "counts", "tag", "--json").document["counts"] == {"best of": 2}


def test_how_long_something_lasts_is_shown_where_it_lasts(shelf: Command) -> None:
    with opened_database(settings()) as database:
        film = asset(9, "demo", media_type="video/mp4", facts={"seconds": 4.25})
        file(database, film)
    shown = shelf("library", "show", film.id)
    assert "4.25 seconds" in next(it for it in shown.out.splitlines() if "duration" in it)
    assert shelf("library", "show", film.id, "--json").document["facts"] == {"seconds": 4.25}
    assert "duration" not in shelf("library", "show", identity(1)).out


def test_collections_and_saved_searches(shelf: Command) -> None:
    made = shelf("library", "collection", "create", "Client", "--json").document["collection"]
    smart = shelf(
        *("library", "collection", "create", "Foxes", "--smart", "--words", "fox", "--json")
    ).document["collection"]
    assert shelf("library", "collection", "put", made, identity(0), identity(1)).code == 0
    assert found(shelf("library", "list", "--collection", made, "--json")) == [1, 0]
    assert found(shelf("library", "list", "--collection", smart, "--json")) == [3, 1]
    listed = shelf("library", "collection", "list", "--json").document["collections"]
    assert [(each["name"], each["assets"]) for each in listed] == [("Client", 2), ("Foxes", 0)]
    changed = shelf(
        *("library", "collection", "change", made, "--name", "Clients", "--cover", identity(1)),
        "--json",
    )
    assert changed.document["cover"] == identity(1)
    assert shelf("library", "collection", "take", made, identity(0)).code == 0
    drafts = shelf("library", "collection", "create", "Drafts", "--json").document["collection"]
    shelf("library", "collection", "put", drafts, identity(1))
    moving = ("library", "collection", "move", made, drafts, identity(1))
    moved = shelf(*moving, "--json").document
    assert (moved["done"], moved["subject"], moved["assets"]) == ("move", drafts, 1)
    assert moved["action"], "it was there before, and left the other one all the same"
    assert found(shelf("library", "list", "--collection", made, "--json")) == []
    assert shelf("library", "undo", moved["action"]).code == 0
    for each in (made, drafts):
        assert found(shelf("library", "list", "--collection", each, "--json")) == [1]
    told = shelf(*moving)
    assert "Moved to the other collection: 1 of them. `studio library undo act_" in told.out
    assert "move" in shelf("library", "undo", "--list").out
    assert shelf("library", "undo").code == 0
    assert found(shelf("library", "list", "--collection", made, "--json")) == [1]
    same = shelf("library", "collection", "move", made, made, identity(1), "--json")
    assert (same.code, same.document["error"]["field"]) == (Exit.INVALID, "to")
    assert shelf("library", "collection", "put", smart, identity(0)).code == Exit.INVALID
    changed = shelf(
        *("library", "collection", "change", smart, "--smart", "--words", "owl", "--json")
    ).document
    assert changed["smart"] == {"words": "owl"}
    owls = found(shelf("library", "search", "owl", "--json"))
    assert owls
    assert found(shelf("library", "list", "--collection", smart, "--json")) == owls
    for words in (("create", "More"), ("change", smart)):
        refused = shelf("library", "collection", *words, "--words", "fox")
        assert (refused.code, "smart" in refused.err) == (Exit.INVALID, True)
    assert shelf("library", "collection", "remove", made).code == 0
    assert shelf("library", "saved", "save", "Foxes", "fox", "--sort", "largest").code == 0
    assert found(shelf("library", "search", "--saved", "Foxes", "--json")) == [3, 1]
    assert "Foxes" in shelf("library", "saved", "list").out
    assert shelf("library", "saved", "remove", "Foxes").code == 0
    assert shelf("library", "search", "--saved", "Foxes").code == Exit.INVALID
