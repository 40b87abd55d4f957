"""Every filter, alone and with others, from what the test itself put in; and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from studio import clock
from studio import credits as money
from studio.catalog import TEMPLATES
from studio.operations import Generate, Upscale
from tests.support.providers import PRICES
from tests.support.shelves import Shelf, brought, made, painters, plain
from tests.unit.studio.test_media import model, sound, video

_FACTORS = {"north": 1, "south": 3}
"""How dear two providers are."""

_STORY, _POST = "instagram_story", "instagram_feed_square"


@dataclass(frozen=True)
class Piece:
    """Something in the library, as whoever put it there knows it."""

    kind: str
    module: str
    operation: str
    provider: str = ""
    model: str = ""
    template: str = ""
    colour: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    credits: int = 0
    tags: tuple[str, ...] = ()
    rating: int = 0
    favourite: bool = False
    held_by: str = ""

    @property
    def shape(self) -> str:
        if self.width == self.height:
            return "square" if self.width else ""
        return "landscape" if self.width > self.height else "portrait"

    def has_ratio(self, across: int, down: int) -> bool:
        return self.width > 0 and self.width * down == self.height * across


@dataclass(frozen=True)
class Room:
    """A library whose pieces are known, the newest first, and a moment in the midst of it."""

    shelf: Shelf
    pieces: dict[str, Piece]
    later: tuple[str, ...]
    midst: datetime

    def fitting(self, fits: Callable[[Piece], bool]) -> list[str]:
        return [each for each, piece in self.pieces.items() if fits(piece)]


def _painted(
    template: str, colour: str, provider: str, width: int = 0, height: int = 0
) -> tuple[Generate, Piece]:
    """Return what is asked for, and what it comes to: a template has its size."""
    size = {"width": width, "height": height} if width else {}
    asked = Generate(prompt=f"{colour} hill", seed=1, provider=provider, template=template, **size)
    if template:
        named = TEMPLATES[template]
        width, height = named.width, named.height
    return asked, Piece(
        *("image", "create", "generate", provider, "painter", template, colour),
        width=width,
        height=height,
        bytes=len(plain(colour, width, height)),
        credits=PRICES["painter"] * _FACTORS[provider],
    )


@pytest.fixture(scope="module")
def room(empty: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Room:
    folder = tmp_path_factory.mktemp("files")
    found: dict[str, Piece] = {}
    with painters(empty.home, **_FACTORS) as studio:
        files = _files(folder)
        names = brought(studio, folder / "in", {name: data for name, (data, _) in files.items()})
        found |= {names[name]: piece for name, (_, piece) in files.items()}
        midst = clock.now()
        for key, work in enumerate(
            (
                _painted(_STORY, "red", "north"),
                _painted(_POST, "blue", "south"),
                _painted("", "red", "south", 320, 180),
                _painted("", "yellow", "north", 200, 300),
            )
        ):
            found[made(studio, work[0], f"work {key}")] = work[1]
        enlarged = Upscale(image=names["sea.png"], factor="2x", provider="south")
        found[made(studio, enlarged, "enlarged")] = Piece(
            *("image", "upscale", "upscale", "south", "enlarger", "", "blue", 320, 180),
            bytes=len(plain("blue", 320, 180)),
            credits=PRICES["enlarger"] * _FACTORS["south"],
        )
    later = tuple(list(found)[len(files) :])
    newest = dict(reversed(found.items()))
    return Room(empty, _put_in_order(empty, newest), later, midst)


def _files(folder: Path) -> dict[str, tuple[bytes, Piece]]:
    """Return files of every kind with what they are."""
    given: dict[str, tuple[bytes, tuple[Any, ...]]] = {
        "stop.png": (plain("red", 64, 64), ("image", "red", 64, 64)),
        "sea.png": (plain("blue", 160, 90), ("image", "blue", 160, 90)),
        "wood.jpg": (plain("green", 60, 90, "JPEG"), ("image", "green", 60, 90)),
        "film.mp4": (video(folder), ("video", "", 64, 48)),
        "talk.wav": (sound(0.5), ("audio",)),
        "solid.glb": (model(), ("model",)),
        "notes.txt": (b"Words about it.", ("text",)),
    }
    found = {}
    for name, (data, (kind, *looks)) in given.items():
        colour, width, height = looks or ("", 0, 0)
        about: dict[str, Any] = {
            "colour": colour,
            "width": width,
            "height": height,
            "bytes": len(data),
        }
        found[name] = data, Piece(kind, "library", "import", **about)
    return found


def _put_in_order(shelf: Shelf, pieces: dict[str, Piece]) -> dict[str, Piece]:
    """Tag, rate, favour and collect some of them; return what they are then."""
    collection = shelf.do("collection", "create", "Every fourth")["collection"]
    done = {}
    for number, (asset, piece) in enumerate(pieces.items()):
        favourite, collected, rating = number % 2 == 0, number % 4 == 1, number % 6
        tags = tuple(name for name, each in (("third", 3), ("fifth", 5)) if number % each == 0)
        for name in tags:
            shelf.do("tag", name, asset)
        if favourite:
            shelf.do("favourite", asset)
        if rating:
            shelf.do("rate", str(rating), asset)
        if collected:
            shelf.do("collection", "put", collection, asset)
        held_by = collection if collected else ""
        told = replace(piece, bytes=_bytes(shelf, asset, piece), held_by=held_by)
        done[asset] = replace(told, tags=tags, rating=rating, favourite=favourite)
    return done


def _bytes(shelf: Shelf, asset: str, piece: Piece) -> int:
    """Return how large a file is: what was brought in as it was, what was made with its label."""
    size = shelf.do("show", asset)["bytes"]
    file = shelf.home.parent / f"{asset}.bin"
    shelf.do("export", asset, "--to", str(file))
    assert size == file.stat().st_size
    assert size == piece.bytes or (piece.operation != "import" and size > piece.bytes)
    return int(size)


@pytest.mark.parametrize("field", ["kind", "module", "operation", "provider", "model", "template"])
def test_what_it_is_and_who_made_it(room: Room, field: str) -> None:
    values = {getattr(each, field) for each in room.pieces.values()} - {""}
    assert len(values) > 1
    for value in values:
        wanted = [it for it, piece in room.pieces.items() if getattr(piece, field) == value]
        assert 0 < len(wanted) < len(room.pieces)
        assert room.shelf.ids("list", f"--{field}", value) == wanted, value


@pytest.mark.parametrize("field", ["kind", "operation", "provider", "model", "template"])
def test_it_is_counted_how_many_there_are_of_each(room: Room, field: str) -> None:
    found = Counter(getattr(each, field) for each in room.pieces.values())
    del found[""]
    assert room.shelf.do("counts", field)["counts"] == found
    for value, number in found.items():
        told = room.shelf.do("list", f"--{field}", value, "--limit", "1")
        assert (told["total"], told["total_exact"]) == (number, True)


def test_tags_are_counted_and_found(room: Room) -> None:
    found = Counter(tag for each in room.pieces.values() for tag in each.tags)
    assert room.shelf.do("counts", "tag")["counts"] == found
    for tag in found:
        wanted = [it for it, piece in room.pieces.items() if tag in piece.tags]
        assert room.shelf.ids("list", "--tag", tag) == wanted


def test_ratings_are_at_least_as_high(room: Room) -> None:
    for rating in range(1, 6):
        wanted = [it for it, piece in room.pieces.items() if piece.rating >= rating]
        assert wanted
        assert room.shelf.ids("list", "--rating", str(rating)) == wanted


@pytest.mark.parametrize("field", ["width", "height", "bytes"])
def test_sizes_at_their_very_bounds(room: Room, field: str) -> None:
    sizes = sorted({getattr(each, field) for each in room.pieces.values()})
    for size in (*sizes, sizes[-1] + 1):
        wanted = [it for it, piece in room.pieces.items() if getattr(piece, field) >= size]
        assert room.shelf.ids("list", f"--least-{field}", str(size)) == wanted
        if field == "bytes":
            wanted = [it for it, piece in room.pieces.items() if piece.bytes <= size]
            assert room.shelf.ids("list", "--most-bytes", str(size)) == wanted


def test_what_it_cost(room: Room) -> None:
    for cost in {each.credits for each in room.pieces.values()}:
        asked = money.show(cost)
        least = [it for it, piece in room.pieces.items() if piece.credits >= cost]
        most = [it for it, piece in room.pieces.items() if piece.credits <= cost]
        assert room.shelf.ids("list", "--least-credits", asked) == least
        assert room.shelf.ids("list", "--most-credits", asked) == most
        exact = [each for each in least if each in most]
        both = ("--least-credits", asked, "--most-credits", asked)
        assert room.shelf.ids("list", *both) == exact


def test_colours_and_shapes(room: Room) -> None:
    for colour in ("red", "blue", "green", "yellow"):
        # Of the video it is not said what is seen in it.
        wanted = [it for it, piece in room.pieces.items() if piece.colour == colour]
        assert wanted
        assert [
            each
            for each in room.shelf.ids("list", "--colour", colour)
            if room.pieces[each].kind == "image"
        ] == wanted
    for shape in ("square", "landscape", "portrait"):
        wanted = [it for it, piece in room.pieces.items() if piece.shape == shape]
        assert wanted
        assert room.shelf.ids("list", "--shape", shape) == wanted
    for across, down in ((16, 9), (9, 16), (2, 3), (1, 1), (4, 3)):
        wanted = [it for it, piece in room.pieces.items() if piece.has_ratio(across, down)]
        assert wanted
        assert room.shelf.ids("list", "--shape", f"{across}:{down}") == wanted
    assert room.shelf.ids("list", "--shape", "21:9") == []


def test_favourites_and_collections(room: Room) -> None:
    wanted = room.fitting(lambda piece: piece.favourite)
    assert room.shelf.ids("list", "--favourite") == wanted
    (collection,) = {each.held_by for each in room.pieces.values()} - {""}
    held = room.fitting(lambda piece: bool(piece.held_by))
    assert room.shelf.ids("list", "--collection", collection) == held


def test_before_and_after_a_moment_that_bears_its_offset(room: Room) -> None:
    later = [each for each in room.pieces if each in room.later]
    earlier = [each for each in room.pieces if each not in room.later]
    asked = room.midst.isoformat()
    assert room.shelf.ids("list", "--since", asked) == later
    assert room.shelf.ids("list", "--until", asked) == earlier
    assert room.shelf.ids("list", "--since", asked, "--until", asked) == []
    abroad = asked.replace("+00:00", "+05:00")  # five hours earlier
    assert room.shelf.ids("list", "--until", abroad) == []


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("--provider south --colour red", lambda it: it.provider == "south" and it.colour == "red"),
        (
            "--kind image --operation import --shape landscape",
            lambda it: it.kind == "image" and it.operation == "import" and it.shape == "landscape",
        ),
        (
            "--template instagram_story --least-height 1920 --most-credits 4",
            lambda it: it.template == _STORY,
        ),
        (
            "--module create --rating 2 --favourite",
            lambda it: it.module == "create" and it.rating >= 2 and it.favourite,
        ),
        (
            "--tag third --most-credits 0 --kind image",
            lambda it: "third" in it.tags and not it.credits and it.kind == "image",
        ),
        (
            "--model painter --least-width 200 --least-credits 12",
            lambda it: it.model == "painter" and it.width >= 200 and it.credits >= 12_000_000,
        ),
        (
            "--tag fifth --favourite --kind image",
            lambda it: "fifth" in it.tags and it.favourite and it.kind == "image",
        ),
    ],
)
def test_all_that_is_asked_for_must_hold(
    room: Room, words: str, fits: Callable[[Piece], bool]
) -> None:
    wanted = room.fitting(fits)
    assert 0 < len(wanted) < len(room.pieces)
    assert room.shelf.ids("list", *words.split()) == wanted
    told = room.shelf.do("list", *words.split(), "--limit", "1")
    assert told["total"] == len(wanted)


def test_filters_hold_beside_words_and_in_a_collection(room: Room) -> None:
    hills = room.fitting(lambda piece: piece.module == "create")
    assert sorted(room.shelf.ids("search", "hill")) == sorted(hills)
    red = room.fitting(lambda piece: piece.module == "create" and piece.colour == "red")
    assert sorted(room.shelf.ids("search", "hill", "--colour", "red")) == sorted(red)
    (collection,) = {each.held_by for each in room.pieces.values()} - {""}
    wanted = room.fitting(lambda piece: bool(piece.held_by) and piece.kind == "image")
    words = ("list", "--collection", collection, "--kind", "image")
    assert len(wanted) > 0
    assert room.shelf.ids(*words) == wanted


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("kind", "picture"),
        ("rating", "6"),
        ("colour", "mauve"),
        ("shape", "17:9"),
        ("since", "yesterday"),
        ("least-bytes", "-1"),
        ("most-credits", "much"),
        ("collection", "col_nobody"),
    ],
)
def test_what_cannot_be_asked_for_is_named(room: Room, option: str, value: str) -> None:
    code, field = room.shelf.refused("list", f"--{option}", value)
    assert (code, field) == (2, option.replace("-", "_"))
