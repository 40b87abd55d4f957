"""Pictures that look alike are found by their hashes, and the same files by theirs."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageDraw

from library import COLOURS
from library.similar import duplicates, similar
from library.trash import trash
from studio import imaging
from studio.database import Database
from studio.errors import InvalidRequest, NotFound
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity


def hashed(number: int, bits: int, owner: str = OWNER, **values: str) -> object:
    return asset(number, owner, facts={"phash": f"{bits:016x}"}, **values)


def alike(database: Database, number: int, **values: int) -> list[tuple[int, int]]:
    with database.read() as connection:
        found = similar(connection, OWNER, identity(number), **values)
    return [(int(each.found.asset.id[4:]), each.distance) for each in found]


def test_everything_within_seven_bits_is_found(database: Database) -> None:
    dice = random.Random(3)
    base = dice.getrandbits(64)
    others = [base]
    for _ in range(60):
        bits = base
        for bit in dice.sample(range(64), dice.randint(0, 12)):
            bits ^= 1 << bit
        others.append(bits)
    file(database, *(hashed(place, bits) for place, bits in enumerate(others)))  # type: ignore[arg-type]
    far = {place: (bits ^ base).bit_count() for place, bits in enumerate(others) if place}
    for most in (0, 3, 7):
        expected = sorted(
            ((place, bits) for place, bits in far.items() if bits <= most),
            key=lambda pair: (pair[1], -pair[0]),
        )
        assert alike(database, 0, distance=most, limit=500) == expected


def test_only_ones_own_and_what_is_not_in_the_trash(database: Database) -> None:
    file(database, *(hashed(each, 2**63) for each in range(3)))  # type: ignore[arg-type]
    file(database, hashed(9, 2**63, OTHER), asset(10))  # type: ignore[arg-type]
    database.write(lambda connection: trash(connection, OWNER, [identity(1)]))
    assert alike(database, 0) == [(2, 0)]
    with pytest.raises(InvalidRequest):
        alike(database, 10)
    with pytest.raises(InvalidRequest):
        alike(database, 0, distance=8)
    with pytest.raises(NotFound):
        alike(database, 9)


def test_the_same_files_are_told_in_pages(database: Database) -> None:
    same = {1: "a", 2: "b", 3: "a", 4: "c", 5: "b", 6: "b", 7: "d", 8: "d"}
    file(database, *(asset(number, sha256=letter * 64) for number, letter in same.items()))
    file(database, asset(9, OTHER, sha256="c" * 64))
    database.write(lambda connection: trash(connection, OWNER, [identity(8)]))
    with database.read() as connection:
        first = duplicates(connection, OWNER, limit=1)
        rest = duplicates(connection, OWNER, after=first.following)
    assert (first.whole, rest.whole, rest.following) == (True, True, "")
    assert [each.assets for each in (*first.found, *rest.found)] == [
        (identity(1), identity(3)),
        (identity(2), identity(5), identity(6)),
    ]


def test_a_page_of_the_same_files_ends_at_a_bound_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(database, *(asset(number, sha256=f"{number // 2:064x}") for number in range(4, 20)))
    file(database, *(asset(number, sha256=f"{number:064x}") for number in range(100, 120)))
    database.write(lambda connection: trash(connection, OWNER, [identity(6)]))
    monkeypatch.setattr("library.similar._PASSED", 5)
    found, after, broken_off = [], "", 0
    for _ in range(36):
        with database.read() as connection:
            page = duplicates(connection, OWNER, limit=2, after=after)
        found += [each.assets for each in page.found]
        after, broken_off = page.following, broken_off + (not page.whole)
        if not after:
            break
    assert not after
    assert broken_off > 2
    assert found == [(identity(n), identity(n + 1)) for n in (4, *range(8, 20, 2))]


def drawn() -> Image.Image:
    image = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 30, 160, 150), fill="red")
    draw.rectangle((180, 90, 280, 190), fill="blue")
    return image


def test_a_picture_is_known_again_when_it_is_smaller_and_brighter() -> None:
    one = imaging.seen(drawn())
    other = imaging.seen(drawn().resize((90, 60)).point(lambda level: min(255, level + 20)))
    assert imaging.distance(one.phash, other.phash) <= 4
    turned = imaging.seen(drawn().rotate(90, expand=True))
    assert imaging.distance(one.phash, turned.phash) > 12


def test_colours_have_names() -> None:
    assert set(imaging.seen(drawn()).colours) == {"white", "red", "blue"}
    assert imaging.seen(Image.new("RGB", (9, 9), "saddlebrown")).colours == ("brown",)
    for name in ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"):
        assert imaging.seen(Image.new("RGB", (9, 9), name)).colours == (name,), name
    for name in ("black", "grey", "white"):
        assert imaging.seen(Image.new("RGBA", (9, 9), name)).colours == (name,)
        assert name in COLOURS


def test_what_has_no_structure_has_no_hash() -> None:
    assert imaging.seen(Image.new("RGB", (50, 50), "red")).phash == ""
    assert imaging.seen(Image.new("RGBA", (1, 1))).phash == ""
