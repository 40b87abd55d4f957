"""``studio library empty-trash``: asks first, says what is gone, and takes nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from engine.importing import bring_in
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from library import Filters, Parent, find_page, stored_bytes
from library.trash import in_trash, trash
from tests.support.paid_server import tiny_png
from tests.unit.cli.conftest import Command
from tests.unit.library.kit import asset, file, identifier


class Typed(io.StringIO):
    """Somebody at a terminal, and what they type."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def trashed(studio_command: Command, tmp_path: Path) -> Command:
    """A library of three pictures, two of which are in the trash."""
    assert studio_command("account", "top-up", "5").code == 0
    for name in ("fox", "owl", "hare"):
        (tmp_path / f"{name}.png").write_bytes(tiny_png(name))
    with opened_studio() as studio:
        named = [str(tmp_path / f"{name}.png") for name in ("fox", "owl", "hare")]
        ids = bring_in(studio, "demo", named).assets
    assert studio_command("library", "trash", *ids[:2]).code == 0
    return studio_command


def kept() -> int:
    with opened_studio() as studio, studio.database.read() as connection:
        return stored_bytes(connection, "demo")


def test_it_says_how_many_and_how_many_bytes_are_gone(trashed: Command) -> None:
    both = len(tiny_png("fox")) + len(tiny_png("owl"))
    before = kept()
    told = trashed("library", "empty-trash", "--yes", "--json")
    assert told.code == 0
    assert (told.document["assets"], told.document["freed"], told.document["left"]) == (2, both, 0)
    assert kept() == before - both
    assert trashed("library", "list", "--trashed", "--json").document["total"] == 0
    assert trashed("library", "list", "--json").document["total"] == 1
    again = trashed("library", "empty-trash", "--yes", "--json").document
    assert (again["assets"], again["freed"]) == (0, 0)
    assert "The trash is empty" in trashed("library", "empty-trash").out  # nothing to ask about


def test_it_asks_who_sits_at_a_terminal(trashed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    both = len(tiny_png("fox")) + len(tiny_png("owl"))
    for typed in ("n\n", "\n", "", "yeah\n"):
        monkeypatch.setattr("sys.stdin", Typed(typed))
        told = trashed("library", "empty-trash")
        assert told.code == Exit.FAILED
        assert f"2 assets, {both:,} bytes" in told.err
        assert "Nothing was done" in told.out
    assert trashed("library", "list", "--trashed", "--json").document["total"] == 2
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    told = trashed("library", "empty-trash")
    assert (told.code, f"2 assets, {both:,} bytes" in told.out) == (0, True)
    assert trashed("library", "list", "--trashed", "--json").document["total"] == 0


def test_without_a_terminal_nothing_is_done_unless_yes_is_said(
    trashed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    told = trashed("library", "empty-trash", "--json")
    assert (told.code, told.document["error"]["field"]) == (Exit.INVALID, "yes")
    assert "--yes" in told.document["error"]["allowed"]
    assert trashed("library", "list", "--trashed", "--json").document["total"] == 2


def test_what_something_was_made_from_stays_and_is_told(trashed: Command) -> None:
    with opened_studio() as studio:
        with studio.database.read() as connection:
            (first, _) = find_page(connection, "demo", Filters(trashed=True)).found
        parent = Parent("image", first.asset.id)
        file(studio.database, asset(7, "demo", parents=(parent,)))
    told = trashed("library", "empty-trash", "--yes", "--json").document
    assert (told["assets"], told["left"]) == (1, 1)
    assert told["freed"] == len(tiny_png("fox")) + len(tiny_png("owl")) - first.asset.bytes
    assert (
        "1 asset stays: something was made from it"
        in trashed("library", "empty-trash", "--yes").out
    )


def test_a_trash_of_any_size_is_emptied(trashed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.purging.MOST_PURGED", 1)
    monkeypatch.setattr("engine.tidying._MOST_ROUNDS", 1)
    told = trashed("library", "empty-trash", "--yes", "--json").document
    assert (told["assets"], told["left"]) == (2, 0)


def test_the_trash_of_others_is_neither_counted_nor_emptied(trashed: Command) -> None:
    with opened_studio() as studio:
        file(studio.database, asset(7, "eve", bytes=5))
        studio.database.write(lambda connection: trash(connection, "eve", [identifier(7)]))
    assert trashed("library", "empty-trash", "--yes", "--json").document["assets"] == 2
    with opened_studio() as studio, studio.database.read() as connection:
        assert in_trash(connection, "demo") == (0, 0)
        assert in_trash(connection, "eve") == (1, 5)
