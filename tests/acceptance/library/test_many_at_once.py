"""What is done to many pieces at once, and taken back: one by one of what can be done."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.shelves import Shelf, brought, painters, plain

_SIDES = (40, 50, 60, 70, 80)


class Many:
    """Five pictures, of which three are chosen by a file of their ids."""

    def __init__(self, shelf: Shelf, ids: dict[str, str], folder: Path) -> None:
        self.shelf = shelf
        self.all = list(ids.values())[::-1]
        self.names = {asset: name for name, asset in ids.items()}
        self.chosen = self.all[1:4]
        self.rest = [self.all[0], self.all[4]]
        file = folder / "chosen.txt"
        file.write_text("\n".join(self.chosen))
        self.file = f"@{file}"

    def card(self, asset: str, field: str) -> Any:
        return self.shelf.do("show", asset)[field]

    def cards(self, field: str) -> list[Any]:
        return [self.card(each, field) for each in self.all]


@pytest.fixture(scope="module")
def many(empty: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Many:
    folder = tmp_path_factory.mktemp("files")
    files = {f"card {side}.png": plain("teal", side, side) for side in _SIDES}
    with painters(empty.home, north=1) as studio:
        ids = brought(studio, folder / "in", files)
    return Many(empty, ids, folder)


def test_tagging_and_taking_the_tag_away(many: Many) -> None:
    shelf = many.shelf
    assert shelf.do("tag", "Spring", many.file)["assets"] == 3
    assert shelf.ids("list", "--tag", "spring") == many.chosen
    assert shelf.do("tag", "spring", many.file)["assets"] == 0
    assert shelf.do("untag", "spring", *many.chosen[:2])["assets"] == 2
    assert shelf.ids("list", "--tag", "spring") == many.chosen[2:]
    assert shelf.ids("search", "spring") == many.chosen[2:]
    shelf.do("undo")
    assert shelf.ids("list", "--tag", "spring") == many.chosen
    shelf.do("undo")
    assert shelf.ids("list", "--tag", "spring") == []
    assert shelf.do("counts", "tag")["counts"] == {}


def test_favourites_and_no_more(many: Many) -> None:
    shelf = many.shelf
    shelf.do("favourite", many.file)
    assert shelf.do("unfavourite", many.chosen[0], many.rest[0])["assets"] == 1
    assert shelf.ids("list", "--favourite") == many.chosen[1:]
    shelf.do("undo")
    assert shelf.ids("list", "--favourite") == many.chosen
    shelf.do("undo")
    assert shelf.ids("list", "--favourite") == []
    assert many.cards("favourite_at") == [None] * 5


def test_ratings_given_changed_and_taken_away(many: Many) -> None:
    shelf = many.shelf
    shelf.do("rate", "3", *many.all)
    assert shelf.do("rate", "5", many.file)["assets"] == 3
    assert shelf.ids("list", "--rating", "5") == many.chosen
    shelf.do("rate", "0", many.chosen[0])
    assert many.card(many.chosen[0], "rating") == 0
    shelf.do("undo")
    assert shelf.ids("list", "--rating", "5") == many.chosen
    shelf.do("undo")
    assert many.cards("rating") == [3] * 5
    shelf.do("undo")
    assert many.cards("rating") == [0] * 5
    assert shelf.refused("rate", "6", many.all[0]) == (2, "rating")


def test_a_note_is_searched_and_the_one_before_comes_back(many: Many) -> None:
    shelf, one = many.shelf, many.all[2]
    shelf.do("note", one, "Ask the printer.")
    assert shelf.ids("search", "printer") == [one]
    shelf.do("note", one, "Ask nobody.")
    assert shelf.ids("search", "printer") == []
    shelf.do("undo")
    assert many.card(one, "notes") == "Ask the printer."
    assert shelf.ids("search", "printer") == [one]
    shelf.do("undo")
    assert many.cards("notes") == [""] * 5


def test_from_the_trash_and_back_into_it_by_undo(many: Many) -> None:
    shelf = many.shelf
    shelf.do("trash", many.file)
    assert shelf.do("restore", *many.chosen[:2])["assets"] == 2
    assert shelf.ids("list") == [many.all[0], *many.chosen[:2], many.all[4]]
    assert shelf.ids("list", "--trashed") == many.chosen[2:]
    shelf.do("undo")
    assert shelf.ids("list", "--trashed") == many.chosen
    shelf.do("restore", many.file)
    assert shelf.ids("list") == many.all
    assert shelf.ids("list", "--trashed") == []
    assert shelf.do("counts")["counts"] == {"pictures": 5, "favourites": 0, "in the trash": 0}


def test_an_older_action_is_taken_back_by_its_id_and_what_changed_since_stays(many: Many) -> None:
    shelf = many.shelf
    tagged = shelf.do("tag", "summer", many.file)["action"]
    shelf.do("untag", "summer", many.chosen[0])
    shelf.do("favourite", many.chosen[1])
    told = shelf.do("undo", "--list")["actions"]
    assert [each["done"] for each in told[:3]] == ["favourite", "untag", "tag"]
    assert shelf.do("undo", tagged)["assets"] == 2
    assert shelf.ids("list", "--tag", "summer") == []
    assert shelf.ids("list", "--favourite") == [many.chosen[1]]
    assert shelf.refused("undo", tagged) == (2, "action")
    shelf.do("unfavourite", many.chosen[1])


def test_where_one_is_not_there_nothing_is_done(many: Many) -> None:
    for words in (("tag", "autumn"), ("favourite",), ("rate", "2"), ("trash",)):
        assert many.shelf.refused(*words, many.file, "ast_of_nobody")[0] == 2
    assert many.shelf.ids("list") == many.all
    assert many.shelf.ids("list", "--favourite") == []
    assert many.shelf.do("counts", "tag")["counts"] == {}
    assert many.cards("rating") == [0] * 5


def test_all_that_a_search_finds_is_downloaded_as_it_is(many: Many, tmp_path: Path) -> None:
    shelf = many.shelf
    shelf.do("tag", "winter", many.file)
    for words, wanted in (
        (("--words", "winter"), many.chosen),
        (("--words", "card", "--least-width", "60"), many.all[:3]),
        (("--tag", "winter", "--least-width", "60"), many.chosen[:2]),
    ):
        file = tmp_path / "found.zip"
        told = shelf.do("download", *words, "--to", str(file), "--force")
        assert told["assets"] == len(wanted)
        with zipfile.ZipFile(file) as packed:
            held = {each: packed.read(each) for each in packed.namelist()}
        sides = {int(many.names[each].split()[1].removesuffix(".png")) for each in wanted}
        assert sorted(held.values()) == sorted(plain("teal", side, side) for side in sides)
    shelf.do("undo")
    target = ("--to", str(tmp_path / "none.zip"))
    assert shelf.refused("download", "--words", "winter", *target) == (2, "words")
    assert shelf.refused("download", *target) == (2, "assets")
    assert not (tmp_path / "none.zip").exists()
