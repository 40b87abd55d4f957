"""Every order of a list, as the sequence that it is, over pages as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from studio.operations import Generate
from tests.support.providers import PRICES
from tests.support.shelves import Shelf, brought, made, painters, plain

Key = Callable[[str], object]

_FACTORS = {"north": 1, "south": 3, "west": 2}
_RATINGS = {"cherry.png": 4, "Apple.png": 2, "north": 5, "zebra.png": 4}
_TITLE = "Banana"
"""What one of them is called: it is sorted by this and not by its file's name."""


class Row:
    """Pieces by what they are called here, in the order in which they came, and what they cost."""

    def __init__(self, shelf: Shelf, ids: dict[str, str]) -> None:
        self.shelf = shelf
        self.ids = ids
        self.names = {asset: name for name, asset in ids.items()}
        self.age = {name: age for age, name in enumerate(ids)}

    def listed(self, *words: str) -> list[str]:
        return [self.names[each] for each in self.shelf.ids(*words)]

    def bytes(self, name: str) -> int:
        file = self.shelf.home.parent / "export" / f"{self.ids[name]}.bin"
        if not file.exists():
            self.shelf.do("export", self.ids[name], "--to", str(file))
        return file.stat().st_size

    def cost(self, name: str) -> int:
        return PRICES["painter"] * _FACTORS.get(name, 0)

    def sorted(self, key: Key, *, falling: bool) -> list[str]:
        """Of what is alike, the newest comes first where the greatest does, else the oldest."""
        return sorted(self.ids, key=lambda it: (key(it), self.age[it]), reverse=falling)


@pytest.fixture(scope="module")
def row(empty: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Row:
    sides = {"cherry.png": 900, "Apple.png": 64, "zebra.png": 400, "film.png": 1_600}
    files = {name: plain("red", side, side) for name, side in sides.items()}
    with painters(empty.home, **_FACTORS) as studio:
        ids = brought(studio, tmp_path_factory.mktemp("files") / "in", files)
        for name, side in (("south", 200), ("north", 1_200), ("west", 128)):
            work = Generate(prompt="blue sea", width=side, height=side, seed=1, provider=name)
            ids[name] = made(studio, work, name)
    for name, rating in _RATINGS.items():
        empty.do("rate", str(rating), ids[name])
    empty.do("title", ids["film.png"], _TITLE)
    return Row(empty, ids)


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_by_time(row: Row, sort: str) -> None:
    wanted = row.sorted(lambda _: 0, falling=sort == "newest")
    assert row.listed("list", "--sort", sort) == wanted
    assert len(wanted) == len(row.ids)


@pytest.mark.parametrize("sort", ["largest", "smallest"])
def test_by_the_bytes_of_their_files(row: Row, sort: str) -> None:
    sizes = [row.bytes(name) for name in row.ids]
    assert len(set(sizes)) == len(sizes)
    assert sizes not in (sorted(sizes), sorted(sizes, reverse=True))
    wanted = row.sorted(row.bytes, falling=sort == "largest")
    assert row.listed("list", "--sort", sort) == wanted


@pytest.mark.parametrize("sort", ["dearest", "cheapest"])
def test_by_what_they_cost_and_of_what_cost_the_same_by_time(row: Row, sort: str) -> None:
    wanted = row.sorted(row.cost, falling=sort == "dearest")
    assert row.listed("list", "--sort", sort) == wanted
    paid, brought_in = ["south", "west", "north"], ["film.png", "zebra.png", "Apple.png"]
    falling = [*paid, *brought_in, "cherry.png"]
    assert wanted == (falling if sort == "dearest" else falling[::-1])


def test_by_rating_those_that_have_one(row: Row) -> None:
    best_first = ["north", "zebra.png", "cherry.png", "Apple.png"]
    assert row.listed("list", "--sort", "rating") == best_first


def test_by_name_a_title_before_the_files_own(row: Row) -> None:
    listed = row.listed("list", "--sort", "name")
    assert sorted(listed) == sorted(row.ids)
    brought_in = [each for each in listed if each.endswith(".png")]
    assert brought_in == ["Apple.png", "film.png", "cherry.png", "zebra.png"]
    names = [row.shelf.do("show", row.ids[each]) for each in listed]
    told = [(each["title"] or each["name"]).casefold() for each in names]
    assert told == sorted(told)


@pytest.mark.parametrize(
    "sort",
    ["newest", "oldest", "largest", "smallest", "dearest", "cheapest", "rating", "name"],
)
def test_pages_go_on_in_every_order_where_the_one_before_ended(row: Row, sort: str) -> None:
    whole = row.listed("list", "--sort", sort)
    found: list[str] = []
    after = ""
    while True:
        told = row.shelf.do("list", "--sort", sort, "--limit", "2", "--after", after)
        found += [row.names[each["asset"]] for each in told["assets"]]
        after = told["following"]
        if not after:
            break
        assert len(told["assets"]) == 2
    assert found == whole


def test_an_order_that_there_is_not_and_a_place_of_another_one(row: Row) -> None:
    assert row.shelf.refused("list", "--sort", "prettiest") == (2, "sort")
    assert row.shelf.refused("list", "--sort", "ranked") == (2, "sort")
    place = row.shelf.do("list", "--sort", "largest", "--limit", "2")["following"]
    assert row.shelf.refused("list", "--sort", "smallest", "--after", place) == (2, "after")


def test_a_filter_and_an_order_together(row: Row) -> None:
    wanted = [each for each in row.sorted(row.bytes, falling=True) if row.cost(each)]
    assert row.listed("list", "--module", "create", "--sort", "largest") == wanted
    assert row.listed("list", "--rating", "4", "--sort", "smallest") == [
        each for each in row.sorted(row.bytes, falling=False) if _RATINGS.get(each, 0) >= 4
    ]


@pytest.fixture(scope="module")
def owls(row: Row, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The word in a title, a tag, a file's name and a note; the best one is the oldest."""
    names = ("first.png", "second.png", "third owl.png", "fourth.png")
    files = {name: plain("white", 70 + number, 64) for number, name in enumerate(names)}
    folder: Path = tmp_path_factory.mktemp("owls") / "in"
    with painters(row.shelf.home, north=1) as studio:
        ids = brought(studio, folder, files)
    row.shelf.do("title", ids["first.png"], "An owl")
    row.shelf.do("tag", "owl", ids["second.png"])
    row.shelf.do("note", ids["fourth.png"], "Beside an owl.")
    return ids


def test_a_word_in_a_title_is_met_best_then_in_a_tag_a_name_and_a_note(
    row: Row, owls: dict[str, str]
) -> None:
    assert row.shelf.ids("search", "owl") == list(owls.values())
    assert row.shelf.ids("search", "owl", "--sort", "newest") == list(owls.values())[::-1]
    first, second, third, fourth = owls.values()
    page = row.shelf.do("search", "owl", "--limit", "2")
    assert [each["asset"] for each in page["assets"]] == [first, second]
    assert row.shelf.ids("search", "owl", "--after", page["following"]) == [third, fourth]
    # More of it makes more: a title is worth eight, a tag and a name are nine.
    row.shelf.do("tag", "owl", third)
    assert row.shelf.ids("search", "owl") == [third, first, second, fourth]
    row.shelf.do("undo")


def test_words_that_stand_together_are_met_better(row: Row, owls: dict[str, str]) -> None:
    first, second, *_ = owls.values()
    # Of titles that have both words alike, the newer one would come first.
    row.shelf.do("title", first, "snow owl")
    row.shelf.do("title", second, "owl of snow")
    row.shelf.do("untag", "owl", second)
    assert row.shelf.ids("search", "snow owl") == [first, second]
    assert row.shelf.ids("search", "snow owl", "--sort", "newest") == [second, first]
    assert row.shelf.ids("search", "owl of") == [second]
